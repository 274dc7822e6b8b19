/**
 * What owners say of their partitions, on whatever node they run: an actor on each node answers for those that it owns, and other nodes ask it at a distance.
 * For `/ring` and `/status`: people wait for it, nothing is decided by it.
 */
import type { ActorCodec } from '../../runtime/actor-codec.ts'
import { jsonCodec } from '../../runtime/actor-codec.ts'
import type { ActorRef, Behavior, Reply } from '../../runtime/actor.ts'
import { ADDRESS_PREFIX } from '../../runtime/actor-system.ts'
import { subjectToken } from '../../runtime/subject.ts'
import type { PartitionDirectory } from '../partition/partition-directory.ts'
import type { PartitionMessage, PartitionStatus } from '../partition/partition-messages.ts'
import type { Services } from '../services.ts'

/** Path of the actor below its node. */
export const REPORTS_ID = 'partition-reports'

export interface ReportMessage {
  readonly reply: Reply<ReadonlyArray<PartitionStatus>>
}

/** Whatever another node sends is the same question. */
export const reportCodec: ActorCodec<ReportMessage> = { ...jsonCodec<ReportMessage>(), decode: (_bytes, reply) => ({ reply }) }

/** Of a partition that is busy or still starts, and of a node that is not there. */
const PARTITION_MS = 500
const NODE_MS = 1_500

export function reportsBehavior(services: Services, directory: PartitionDirectory): Behavior<ReportMessage, null> {
  return {
    init: () => null,
    handle: (_state, { reply }) => void reportsHere(services, directory).then(reply.succeed, reply.fail),
  }
}

/** Of this node's partitions; one that does not answer in time is left out. */
export async function reportsHere({ system }: Services, directory: PartitionDirectory): Promise<PartitionStatus[]> {
  const owners = directory.localPartitions().map((partition) => directory.localOwner(partition)!)
  const ask = (owner: ActorRef<PartitionMessage>): Promise<PartitionStatus> => system.ask<PartitionMessage, PartitionStatus>(owner, (reply) => ({ kind: 'status', reply }), PARTITION_MS)
  return answered(owners.map(ask))
}

/** Of the partitions of these nodes; a node that does not answer in time is left out. */
export async function reportsOf({ system }: Services, nodes: ReadonlyArray<string>): Promise<PartitionStatus[]> {
  const refOf = (node: string): ActorRef<ReportMessage> => system.ref(`${ADDRESS_PREFIX}${subjectToken(node)}.${REPORTS_ID}`)
  return (await answered(nodes.map((node) => system.ask<ReportMessage, ReadonlyArray<PartitionStatus>>(refOf(node), (reply) => ({ reply }), NODE_MS)))).flat()
}

async function answered<A>(asks: ReadonlyArray<Promise<A>>): Promise<A[]> {
  const settled = await Promise.allSettled(asks)
  return settled.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
}
