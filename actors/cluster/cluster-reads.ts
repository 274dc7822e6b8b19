/**
 * Reads of a partition wherever its owner is: asks the announced node, and asks again until there is one that answers. While ownership moves a query waits
 * for the new owner instead of failing; only when nobody serves the partition within the bound it does without (Q3, decided by `querier.ts`).
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { ErrorCode } from '../../runtime/errors.ts'
import { firstAnswer } from './first-answer.ts'
import type { OwnerMap } from './owner-map.ts'
import type { PartitionDirectory } from '../partition/partition-directory.ts'
import type { PartitionReads } from './partition-reads.ts'
import type { Services } from '../services.ts'

export interface ClusterReadsParts {
  readonly services: Services
  readonly owners: OwnerMap
  readonly directory: PartitionDirectory
  readonly local: PartitionReads
  readonly remote: (node: string) => PartitionReads
}

/** Longer than a failover takes, on top of the bound for catching up. */
const OWNER_WAIT_EXTRA_MS = 5_000
/** Whoever has not answered for so long is not waited for alone where somebody else could answer too. */
const HEDGE_MS = 1_000
/** Between tries, unless an announcement comes first. */
const RETRY_MS = 150
/** Who was asked is gone, or is not the owner (any more): the next one may answer. */
const ASK_AGAIN: ReadonlySet<ErrorCode> = new Set(['not_found', 'not_ready', 'query_timeout', 'stopping', 'internal'])

export function makeClusterReads(parts: ClusterReadsParts): PartitionReads {
  return {
    scan: (partition, tenant, plan, nowMs, signal) => untilAnswered(parts, partition, signal, (reads, either) => reads.scan(partition, tenant, plan, nowMs, either)),
    series: (partition, tenant, question, signal) => untilAnswered(parts, partition, signal, (reads, either) => reads.series(partition, tenant, question, either)),
  }
}

const isAnswerableElsewhere = (error: unknown): error is SkaldError => error instanceof SkaldError && ASK_AGAIN.has(error.code)

type Ask<A> = (reads: PartitionReads, signal: AbortSignal) => Promise<A>

async function untilAnswered<A>(parts: ClusterReadsParts, partition: number, signal: AbortSignal, ask: Ask<A>): Promise<A> {
  const { clock, settings } = parts.services
  const untilMs = clock.monotonicMs() + settings.catchUpMsMax + OWNER_WAIT_EXTRA_MS
  for (;;) {
    try {
      const readers = candidates(parts, partition)
      const asks = readers.map((reads) => (either: AbortSignal) => ask(reads, either))
      if (asks.length > 0) return await firstAnswer(asks, { clock, hedgeMs: HEDGE_MS, signal, isFinal: (error) => !isAnswerableElsewhere(error) })
    } catch (error) {
      if (signal.aborted || !isAnswerableElsewhere(error)) throw error
      // Not by its own code: it is the partition that is out of reach, whatever the last try met with.
      if (clock.monotonicMs() >= untilMs) throw new SkaldError('not_ready', error.message, { cause: error })
    }
    if (clock.monotonicMs() >= untilMs) throw new SkaldError('not_ready', `no node serves partition ${partition}`)
    await ownerChange(parts, partition)
  }
}

/** The announced owner; then this node if it has the partition still or already, then the standbys: every answer that is given is right. */
function candidates({ services, owners, directory, local, remote }: ClusterReadsParts, partition: number): PartitionReads[] {
  const announced = owners.ownerOf(partition)?.node
  const here = directory.localReader(partition) === undefined ? [] : [local]
  const standbys = directory.standbysOf(partition).filter((node) => node !== announced && node !== services.node)
  const owner = announced === undefined || announced === services.node ? [] : [remote(announced)]
  return [...owner, ...here, ...standbys.map(remote)]
}

function ownerChange({ owners, services }: ClusterReadsParts, partition: number): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel()
      stop()
      resolve()
    }
    const timer = services.clock.after(RETRY_MS, end)
    const stop = owners.onChange((changed) => (changed === partition ? end() : undefined))
  })
}
