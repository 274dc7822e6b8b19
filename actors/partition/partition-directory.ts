/**
 * Finds the owner of a partition: the actor on this node, or (through the transport) the node that answers for it. The one place that knows
 * where partitions live; gateway and queriers ask it and never the ring.
 */
import type { ActorRef } from '../../runtime/actor.ts'
import type { DecodedRecord } from './partition-follow.ts'
import type { PartitionMessage } from './partition-messages.ts'

/** Tells other nodes that a partition's log has grown: `partition-remote.ts`. */
export type HeardElsewhere = (partition: number, sequence: number) => void

export class PartitionDirectory {
  private readonly local = new Map<number, ActorRef<PartitionMessage>>()
  private readonly standbys = new Map<number, ActorRef<PartitionMessage>>()
  private readonly standbyNodes = new Map<number, ReadonlyArray<string>>()
  private readonly elsewhere: HeardElsewhere

  constructor(elsewhere: HeardElsewhere) {
    this.elsewhere = elsewhere
  }

  add(partition: number, ref: ActorRef<PartitionMessage>): void {
    this.local.set(partition, ref)
  }

  remove(partition: number): void {
    this.local.delete(partition)
  }

  /** The owner's actor if it runs on this node. */
  localOwner(partition: number): ActorRef<PartitionMessage> | undefined {
    return this.local.get(partition)
  }

  addStandby(partition: number, ref: ActorRef<PartitionMessage>): void {
    this.standbys.set(partition, ref)
  }

  removeStandby(partition: number): void {
    this.standbys.delete(partition)
  }

  /** Who answers reads here: a standby first, which is stopped once the owner on the same node has caught up. */
  localReader(partition: number): ActorRef<PartitionMessage> | undefined {
    return this.standbys.get(partition) ?? this.local.get(partition)
  }

  /** Nodes that follow the partition besides its owner, as the ring has it. */
  standbysOf(partition: number): ReadonlyArray<string> {
    return this.standbyNodes.get(partition) ?? []
  }

  placeStandbys(partition: number, nodes: ReadonlyArray<string>): void {
    this.standbyNodes.set(partition, nodes)
  }

  localPartitions(): ReadonlyArray<number> {
    return [...this.local.keys()].sort((a, b) => a - b)
  }

  /** After a publish: the owner here applies what is already decoded; elsewhere it hears how far to read. */
  published(partition: number, record: DecodedRecord): void {
    for (const reader of [this.local.get(partition), this.standbys.get(partition)]) {
      if (reader === undefined) continue
      for (const { memory } of record.items) memory.use()
      reader.tell({ kind: 'published', record }, { bytes: record.bytes })
    }
    for (const { memory } of record.items) memory.leave()
    this.elsewhere(partition, record.sequence)
  }
}
