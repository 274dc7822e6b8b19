/**
 * Gathers pushes to one partition into WAL records and publishes them; answers each push when its record is acknowledged (W1). One a partition and
 * gateway node. While few records are under way a push goes out at once; otherwise pushes gather up to `RECORD_BYTES_TARGET`: no timer is needed.
 * What was published here is handed, decoded, to the owner if it lives on this node.
 */
import type { ActorContext, Behavior, Reply } from '../../runtime/actor.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { Span } from '../../runtime/telemetry.ts'
import { TraceGather, spanUnder, traceParentOf } from '../../runtime/trace-parent.ts'
import type { PushBatch, WalItem } from '../../protocols/push/batch.ts'
import { encodeWalRecord } from '../../protocols/wal-record.ts'
import type { DecodedItem, DecodedRecord } from '../partition/partition-follow.ts'
import type { Services } from '../services.ts'
import type { MemoryLevel } from '../../storage/memory-budget.ts'

export interface WriteItem {
  readonly item: WalItem
  /** The same push decoded; its streams may be more than the item's (labels of '' mark those that are not in it). */
  readonly decoded: DecodedItem
  /** The push's trace; '' when it is not traced. */
  readonly traceParent: string
}

export type WalWriterMessage =
  | { readonly kind: 'write'; readonly write: WriteItem; readonly reply: Reply<void> }
  | { readonly kind: 'settled' }
  | { readonly kind: 'memoryLevel'; readonly level: MemoryLevel }
  /** A push has waited for room in memory long enough. */
  | { readonly kind: 'waited' }

/** Where a published record goes besides the WAL: the owner on this node, or anyone who wants to know. */
export type AfterPublish = (partition: number, record: DecodedRecord) => void

interface Queued {
  readonly write: WriteItem
  readonly reply: Reply<void>
  /** Monotonic. */
  readonly queuedMs: number
  /** Monotonic; then its sender no longer waits. */
  readonly deadlineMs: number
}

interface WalWriterState {
  queue: Queued[]
  inFlight: number
  count: number
  /** Ends a wait for room in memory. */
  roomTimer: { cancel(): void } | null
  /** Monotonic; the level `stop` has held since then. */
  stoppedSinceMs: number | null
  readonly stopListening: () => void
}

/** 256 KiB to 1 MiB records cost JetStream least (docs/performance.md). */
const RECORD_BYTES_TARGET = 512 * 1024
/** Enough to keep the server busy; more would only queue there. */
const IN_FLIGHT_MAX = 4
const RETRY_AFTER_S = 1
/**
 * While the owner has stopped applying for want of memory (W4), a push waits up to this long for a cut to be stored. What is published all the same
 * has to be read from the log and decoded once more.
 */
const ROOM_WAIT_MS_MAX = 250
/** When nothing was stored for so long, the bucket is away and no push waits for it. */
const ROOM_HOPE_MS = 5_000

export function walWriterBehavior(services: Services, partition: number, incarnation: string, after: AfterPublish): Behavior<WalWriterMessage, WalWriterState> {
  return {
    init: (context) => ({
      queue: [],
      inFlight: 0,
      count: 0,
      roomTimer: null,
      stoppedSinceMs: stoppedSince(services, services.budget.level()),
      stopListening: services.budget.onLevel((level) => void context.self.tell({ kind: 'memoryLevel', level }, { priority: 'high' })),
    }),
    handle(state, message, context) {
      if (message.kind === 'settled') state.inFlight--
      else if (message.kind === 'write') state.queue.push(queued(services, message))
      else if (message.kind === 'memoryLevel') state.stoppedSinceMs = stoppedSince(services, message.level)
      failLate(services, partition, state)
      while (state.inFlight < IN_FLIGHT_MAX && state.queue.length > 0 && !waitsForRoom(services, state, context)) {
        state.inFlight++
        void publish(services, partition, `${incarnation}-${++state.count}`, takeRecord(state), after).finally(() => tellSettled(context))
      }
    },
    terminate(state) {
      state.stopListening()
      state.roomTimer?.cancel()
      for (const { reply } of state.queue) reply.fail(new SkaldError('stopping', 'the node is stopping', { retryAfterS: RETRY_AFTER_S }))
    },
  }
}

const tellSettled = (context: ActorContext<WalWriterMessage>): void => {
  context.self.tell({ kind: 'settled' }, { priority: 'high' })
}

function queued({ clock, settings }: Services, { write, reply }: Extract<WalWriterMessage, { kind: 'write' }>): Queued {
  const queuedMs = clock.monotonicMs()
  return { write, reply, queuedMs, deadlineMs: queuedMs + settings.appendDeadlineMs }
}

const stoppedSince = ({ clock }: Services, level: MemoryLevel): number | null => (level === 'stop' ? clock.monotonicMs() : null)

/** Past `stop` pushes themselves would fill memory by waiting. */
function waitsForRoom({ clock }: Services, state: WalWriterState, context: ActorContext<WalWriterMessage>): boolean {
  state.roomTimer?.cancel()
  state.roomTimer = null
  const { stoppedSinceMs } = state
  const nowMs = clock.monotonicMs()
  const leftMs = state.queue[0]!.queuedMs + ROOM_WAIT_MS_MAX - nowMs
  if (stoppedSinceMs === null || nowMs - stoppedSinceMs > ROOM_HOPE_MS || leftMs <= 0) return false
  state.roomTimer = context.tellLater(leftMs, { kind: 'waited' })
  return true
}

/** What waited behind records that were not acknowledged is answered in time, unpublished. */
function failLate({ clock }: Services, partition: number, state: WalWriterState): void {
  const nowMs = clock.monotonicMs()
  const late = state.queue.filter(({ deadlineMs }) => deadlineMs <= nowMs)
  if (late.length === 0) return
  state.queue = state.queue.filter(({ deadlineMs }) => deadlineMs > nowMs)
  for (const { reply } of late) reply.fail(new SkaldError('wal_unavailable', `the write-ahead log of partition ${partition} does not acknowledge records (wal.append_timeout)`, { retryAfterS: RETRY_AFTER_S }))
}

function takeRecord(state: WalWriterState): Queued[] {
  let bytes = 0
  let count = 0
  for (const { write } of state.queue) {
    if (count > 0 && bytes + write.item.compressedBody.length > RECORD_BYTES_TARGET) break
    bytes += write.item.compressedBody.length
    count++
  }
  const taken = state.queue.slice(0, count)
  state.queue = state.queue.slice(count)
  return taken
}

async function publish(services: Services, partition: number, recordId: string, queued: ReadonlyArray<Queued>, after: AfterPublish): Promise<void> {
  const { wal, clock, metrics } = services
  const span = appendSpan(partition, queued)
  try {
    const bytes = encodeWalRecord(queued.map(({ write }) => write.item), recordId)
    const sequence = await wal.append(partition, recordId, bytes, Math.max(1, queued[0]!.deadlineMs - clock.monotonicMs()), traceParentOf(span))
    metrics.walRecords.inc()
    metrics.walBytes.inc(bytes.length)
    // Without a place in the log it is left to the owner to find.
    if (sequence !== null) after(partition, { sequence, recordId, items: queued.map(({ write }) => write.decoded), bytes: heldBytes(queued), traceParent: traceParentOf(span) })
    for (const { reply } of queued) reply.succeed()
  } catch (error) {
    span.fail(error)
    for (const { reply } of queued) reply.fail(error)
  } finally {
    span.end()
  }
}

/** One record, many pushes: under the first that is traced. */
function appendSpan(partition: number, queued: ReadonlyArray<Queued>): Span {
  const traces = new TraceGather()
  for (const { write } of queued) traces.add(write.traceParent)
  return spanUnder(traces.parent, 'wal.append', { 'skald.partition': partition, 'skald.pushes': queued.length }, traces.links)
}

/** A body is one buffer, however many items share it. */
function heldBytes(queued: ReadonlyArray<Queued>): number {
  const batches = new Set<PushBatch>(queued.map(({ write }) => write.decoded.batch))
  return [...batches].reduce((sum, batch) => sum + batch.body.length, 0)
}
