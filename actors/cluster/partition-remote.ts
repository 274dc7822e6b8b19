/**
 * Partitions across nodes: `skald.v1.partition.<p>.<node>.scan|series|heard`. A node answers others' reads of its partitions with the same reads that it makes
 * itself, and is told when the log of one of them has grown. Bodies are V8's structured clone format, which keeps bigints and NaN; all nodes run one version of it.
 */
import { deserialize, serialize } from 'node:v8'
import type { LongRequests } from '../../runtime/long-request.ts'
import { serveLong } from '../../runtime/long-request.ts'
import { subjectToken } from '../../runtime/subject.ts'
import type { Subscription } from '../../runtime/transport.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { ScanPlan } from '../../protocols/logql/scan.ts'
import type { OwnerMap } from './owner-map.ts'
import type { HeardElsewhere, PartitionDirectory } from '../partition/partition-directory.ts'
import type { PartitionAnswer, PartitionReads } from './partition-reads.ts'
import type { ScanAnswer, SeriesAnswer, SeriesQuestion } from '../segments/segment-work.ts'
import type { Services } from '../services.ts'

interface ScanCall {
  readonly tenant: string
  readonly plan: ScanPlan
  readonly nowMs: number
}

interface SeriesCall {
  readonly tenant: string
  readonly question: SeriesQuestion
}

type Kind = 'scan' | 'series' | 'heard'

/** Records are more, the more is pushed; so many messages a second tell of them all. */
const HEARD_MS = 1_000
const PREFIX = 'skald.v1.partition.'
const PARTITION_TOKEN = 3
const subjectOf = (partition: number | '*', node: string, kind: Kind): string => `${PREFIX}${partition}.${subjectToken(node)}.${kind}`
const partitionIn = (subject: string): number => Number(subject.split('.')[PARTITION_TOKEN])

/** Answers what other nodes ask of this one's partitions. */
export function servePartitions(services: Services, reads: PartitionReads, directory: PartitionDirectory): Subscription {
  const { transport, node } = services
  const subscriptions = [
    serveLong(services, subjectOf('*', node, 'scan'), async (body, subject, signal) => {
      const { tenant, plan, nowMs } = received<ScanCall>(body)
      return serialize(await reads.scan(partitionIn(subject), tenant, plan, nowMs, signal))
    }),
    serveLong(services, subjectOf('*', node, 'series'), async (body, subject, signal) => {
      const { tenant, question } = received<SeriesCall>(body)
      return serialize(await reads.series(partitionIn(subject), tenant, question, signal))
    }),
    transport.subscribe(subjectOf('*', node, 'heard'), ({ subject, data }) => {
      const sequence = Number(data.toString())
      if (Number.isSafeInteger(sequence)) directory.localOwner(partitionIn(subject))?.tell({ kind: 'heard', sequence })
    }),
  ]
  return { close: async () => void (await Promise.all(subscriptions.map((subscription) => subscription.close()))) }
}

/** The reads of one other node's partitions. */
export function remoteReads(requests: LongRequests, node: string): PartitionReads {
  const ask = async <A>(partition: number, kind: Kind, call: ScanCall | SeriesCall, signal: AbortSignal): Promise<PartitionAnswer<A>> =>
    received<PartitionAnswer<A>>(await requests.request(subjectOf(partition, node, kind), serialize(call), signal))
  return {
    scan: (partition, tenant, plan, nowMs, signal) => ask<ScanAnswer>(partition, 'scan', { tenant, plan, nowMs }, signal),
    series: (partition, tenant, question, signal) => ask<SeriesAnswer>(partition, 'series', { tenant, question }, signal),
  }
}

/** Tells the owner that the log has grown, if it is another node, at most every `HEARD_MS`: it need not arrive, since queries ask the log itself. */
export function makeHeardElsewhere({ transport, clock, node }: Pick<Services, 'transport' | 'clock' | 'node'>, owners: OwnerMap): HeardElsewhere {
  /** The newest sequence of each partition that its owner is still to be told. */
  const untold = new Map<number, number>()
  const tell = (partition: number): void => {
    const sequence = untold.get(partition)
    untold.delete(partition)
    const owner = owners.ownerOf(partition)?.node
    if (owner === undefined || owner === node || transport.status() !== 'connected') return
    transport.publish(subjectOf(partition, owner, 'heard'), Buffer.from(String(sequence)))
  }
  return (partition, sequence) => {
    if (owners.ownerOf(partition)?.node === node) return
    if (!untold.has(partition)) clock.after(HEARD_MS, () => tell(partition))
    untold.set(partition, Math.max(sequence, untold.get(partition) ?? 0))
  }
}

function received<A>(body: Buffer): A {
  try {
    return deserialize(body) as A
  } catch (error) {
    throw new SkaldError('bad_request', 'a message between nodes cannot be read: do they run the same version?', { cause: error })
  }
}
