/**
 * The write-ahead log port: one ordered, durable log a partition. Implementations: `wal-jetstream.ts`, `wal-memory.ts`; both pass `test/conformance/wal.ts`.
 *
 * `append` resolves only when the log has acknowledged the record (rule W1). Reading is stateless, by sequence, so recovery and following are one path.
 */
import type { Sequence } from '../protocols/model.ts'

export interface WalRecord {
  readonly sequence: Sequence
  readonly bytes: Buffer
  /** The trace that it was appended under, as `append` was given it; absent when it was not traced. */
  readonly traceParent?: string
  /** Gives the memory of `bytes` back at once; whoever calls it looked at them last. Absent: parts of it are others'. */
  readonly release?: () => void
}

/** Which record has this place in the log: the id that it was appended under ('': it has none). */
export interface LoggedId {
  readonly sequence: Sequence
  readonly id: string
}

export interface WalState {
  /** First sequence still in the log (last + 1 when it is empty). */
  readonly first: Sequence
  readonly last: Sequence
  readonly sizeBytes: number
}

/** Rejections are `SkaldError`: `wal_full` (over the log's own limit), `wal_unavailable` (no answer, no leader, no disk). */
export interface Wal {
  /**
   * Creates or adjusts the partition's log. Idempotent. `after` is the sequence up to which segments exist already: a log that has to be created anew
   * (its server's disk was lost) begins behind it, so that sequences never repeat.
   */
  open(partition: number, after: Sequence): Promise<void>
  /**
   * `recordId` makes a retry of the same record harmless within the log's duplicate window. Ambiguous failures are retried with it until `deadlineMs` from now. `traceParent`
   * goes with the record; '' or absent: untraced. null: it is stored as durably, but has its place in the log only after the next `settle`.
   */
  append(partition: number, recordId: string, record: Uint8Array, deadlineMs: number, traceParent?: string): Promise<Sequence | null>
  /** Gives every record that was acknowledged before this call its place, so that `state` tells of it. Rejects when that cannot be known. Called by the partition's owner. */
  settle(partition: number): Promise<void>
  state(partition: number): Promise<WalState>
  /**
   * Records from `from` on in order, at most about `maxBytes` (at least one if there is any), [] when there is none. Purged sequences are passed over.
   */
  read(partition: number, from: Sequence, maxBytes: number): Promise<ReadonlyArray<WalRecord>>
  /**
   * Which records lie from `from` to `through`, in order, without their bytes. What is not told of is gone, or is not known yet to the copy of the log that answered.
   */
  recordIds(partition: number, from: Sequence, through: Sequence): Promise<ReadonlyArray<LoggedId>>
  /** The one server process that keeps all logs: while it lives, they lose nothing that they acknowledged. null: it cannot be told, because there are several, or none is connected. */
  keeper(): string | null
  /** Removes records up to and including `through`. Idempotent. */
  purge(partition: number, through: Sequence): Promise<void>
  close(): Promise<void>
}
