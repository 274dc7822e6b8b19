/** What a partition's owner or standby is told and asked, and what it answers. Sent by `partition-directory.ts`, reads in the cluster, and the partition to itself. */
import type { Reply } from '../../runtime/actor.ts'
import type { Sequence } from '../../protocols/model.ts'
import type { FencedError } from '../../storage/catalog.ts'
import type { LogLostError } from '../flush/log-check.ts'
import type { HeadContent, PastIds } from '../segments/segment-work.ts'
import type { CutReason } from './cut-policy.ts'
import type { DecodedRecord } from './partition-follow.ts'
import type { AcceptLabels } from './tenant-streams.ts'

/** Everything of one tenant that is not in segments, and where segments take over (Q1). */
export interface HeadSnapshot {
  /** Segments up to here complete the answer. */
  readonly checkpoint: Sequence
  readonly content: HeadContent
  /** Q2 could not be met in time: entries acknowledged before may be missing. */
  readonly behind: boolean
  /** To be called when nobody looks at the slabs any more. */
  readonly done: () => void
}

export type PartitionMessage =
  /** A record that this node published, acknowledged and already decoded. */
  | { readonly kind: 'published'; readonly record: DecodedRecord }
  /** Somebody published up to here. */
  | { readonly kind: 'heard'; readonly sequence: Sequence }
  /** `isAll`: of what was known when it began. */
  | { readonly kind: 'read'; readonly from: Sequence; readonly records: ReadonlyArray<DecodedRecord>; readonly isAll: boolean }
  /** What was missing has had time to become more. */
  | { readonly kind: 'readDue' }
  | { readonly kind: 'readFailed'; readonly error: unknown }
  /** The log does not hold what was applied from it. */
  | { readonly kind: 'logLost'; readonly error: LogLostError }
  /** Of segments from before the start, and what could not be read the last time. */
  | { readonly kind: 'readIds' }
  | { readonly kind: 'idsRead'; readonly found: PastIds }
  /** The ids of all that is stored were put into one object, or could not be. */
  | { readonly kind: 'idsGathered' }
  | { readonly kind: 'check' }
  | { readonly kind: 'giveUpWaiting' }
  | { readonly kind: 'snapshot'; readonly tenant: string; readonly accept: AcceptLabels; readonly reply: Reply<HeadSnapshot> }
  | { readonly kind: 'catchUp'; readonly untilMs: number; readonly run: (behind: boolean) => void }
  | { readonly kind: 'caughtUp'; readonly known: Sequence | null; readonly untilMs: number; readonly run: (behind: boolean) => void }
  /** Cuts now; answers when everything applied before is committed. */
  | { readonly kind: 'flush'; readonly reason: CutReason; readonly reply: Reply<Sequence> }
  | { readonly kind: 'committed'; readonly cut: number }
  /** A newer owner has the catalog. `isBehind`: it has stored what was not applied here. */
  | { readonly kind: 'fenced'; readonly error: FencedError; readonly isBehind: boolean }
  | { readonly kind: 'status'; readonly reply: Reply<PartitionStatus> }

export interface PartitionStatus {
  readonly partition: number
  readonly epoch: number
  readonly node: string
  readonly applied: Sequence
  readonly known: Sequence
  readonly checkpoint: Sequence
  readonly rawBytes: number
  readonly heldBytes: number
  /** Bytes of lines and metadata that it gets now. */
  readonly bytesPerSecond: number
  readonly cutsWaiting: number
  readonly paused: boolean
  readonly fenced: boolean
}
