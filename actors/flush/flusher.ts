/**
 * Flushes cuts: encode (off the event loop) -> object -> catalog -> WAL purge (F1), each step repeatable, each retried with back-off and jitter for as
 * long as it takes: nothing is given up while the WAL still has the data. One cut a partition at a time, in order; partitions side by side
 * up to `concurrentFlushesMax` encode and put. Tells the partition when a cut is committed, when it has been fenced (F3), or when the log has lost what the cut was made of (W2).
 */
import * as Cause from 'effect/Cause'
import * as Effect from 'effect/Effect'
import * as Exit from 'effect/Exit'
import * as Fiber from 'effect/Fiber'
import * as Schedule from 'effect/Schedule'
import type { Clock } from '../../runtime/clock.ts'
import { portsContext } from '../../runtime/effect-ports.ts'
import type { Logger } from '../../runtime/log.ts'
import type { Random } from '../../runtime/random.ts'
import { span } from '../../runtime/telemetry.ts'
import type { TraceGather } from '../../runtime/trace-parent.ts'
import { FencedError, type Catalog, type SegmentEntry } from '../../storage/catalog.ts'
import type { MemoryAccount, MemoryBudget } from '../../storage/memory-budget.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { Wal } from '../../storage/wal.ts'
import type { CutReason } from '../partition/cut-policy.ts'
import { FlushPermits } from './flush-permits.ts'
import { checkLog, LogLostError, type LogRange } from './log-check.ts'
import type { NodeMetrics } from '../node-metrics.ts'
import type { EncodeTask, SegmentWork } from '../segments/segment-work.ts'

export interface FlushJob extends LogRange {
  readonly epoch: number
  readonly reason: CutReason
  /** null: nothing of the range is worth storing (only repeats), the checkpoint just moves on. */
  readonly task: EncodeTask | null
  /** Of the pushes in it: the flush belongs to the first and is linked to others. */
  readonly traces: TraceGather
  readonly onCommitted: () => void
  readonly onFenced: (error: FencedError) => void
  readonly onLost: (error: LogLostError) => void
}

/** Where a test can make the node die or stall: before each step of a flush. */
export type FlushStep = 'encode' | 'put' | 'commit' | 'purge' | 'done'
export type FaultPoint = (step: FlushStep, job: FlushJob) => Effect.Effect<void>

export interface SegmentFlush {
  submit(job: FlushJob): void
  /** Jobs waiting or running. */
  readonly pending: number
  /** Interrupts what runs (every step can be repeated by the next owner). */
  shutdown(): Effect.Effect<void>
}

export interface FlusherParts {
  readonly work: SegmentWork
  readonly store: ObjectStore
  readonly catalog: Catalog
  readonly wal: Wal
  readonly log: Logger
  readonly metrics: NodeMetrics
  readonly budget: MemoryBudget
  readonly clock: Clock
  readonly random: Random
  readonly concurrentFlushesMax: number
  readonly faultPoint?: FaultPoint
}

const BACKOFF_MIN_MS = 200
const BACKOFF_MAX_MS = 30_000
/** What encoding takes besides the slabs, as a share of them: blocks at work, and the object as it grows. */
const ENCODE_SHARE = 0.3

/** Exponential with jitter, capped. */
const backoff = Schedule.jittered(Schedule.min([Schedule.exponential(BACKOFF_MIN_MS), Schedule.spaced(BACKOFF_MAX_MS)]))

export function makeFlusher(parts: FlusherParts): SegmentFlush {
  const permits = new FlushPermits(parts.concurrentFlushesMax)
  const queues = new Map<number, FlushJob[]>()
  const running = new Map<number, Fiber.Fiber<void>>()
  const fork = Effect.runForkWith(portsContext(parts.clock, parts.random))

  const drain = (partition: number): Effect.Effect<void> =>
    Effect.gen(function* () {
      for (;;) {
        const job = queues.get(partition)?.[0]
        if (job === undefined) return
        yield* flushOne(parts, job, (work) => permits.run(() => (queues.get(partition) ?? []).map(({ reason }) => reason), work))
        queues.get(partition)?.shift()
        parts.metrics.flushQueue.dec()
      }
    }).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          running.delete(partition)
          if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) parts.log.error('flush queue died', { partition, cause: Cause.pretty(exit.cause) })
        }),
      ),
    )

  return {
    submit(job) {
      const queue = queues.get(job.partition) ?? []
      queues.set(job.partition, queue)
      queue.push(job)
      parts.metrics.flushQueue.inc()
      if (!running.has(job.partition)) running.set(job.partition, fork(drain(job.partition)))
    },
    get pending() {
      return [...queues.values()].reduce((sum, queue) => sum + queue.length, 0)
    },
    shutdown: () => Fiber.interruptAll([...running.values()]),
  }
}

/** Waits for a permit. A flush needs one only while it makes and puts its object: a log that does not answer holds up no other partition. */
type Permitted = <A, E>(work: Effect.Effect<A, E>) => Effect.Effect<A, E>

function flushOne(parts: FlusherParts, job: FlushJob, permitted: Permitted): Effect.Effect<void> {
  return Effect.suspend(() => {
    const held = parts.budget.account('encoders')
    return Effect.ensuring(flushHolding(parts, job, permitted, held), Effect.sync(() => held.close()))
  })
}

function flushHolding(parts: FlusherParts, job: FlushJob, permitted: Permitted, held: MemoryAccount): Effect.Effect<void> {
  const { log, metrics, clock } = parts
  const begunMs = clock.monotonicMs()
  const point = (step: FlushStep): Effect.Effect<void> => parts.faultPoint?.(step, job) ?? Effect.void
  const step = <A>(name: FlushStep, run: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, FinalError> =>
    point(name).pipe(
      Effect.andThen(Effect.tryPromise({ try: run, catch: (error) => error })),
      Effect.tapError((error) =>
        Effect.sync(() => {
          if (isFinal(error)) return
          metrics.flushFailures.inc({ step: name })
          log.warn('flush step failed, will be repeated', { partition: job.partition, step: name, first: job.first, last: job.last, error: String(error) })
        }),
      ),
      Effect.retry({ schedule: backoff, while: (error) => !isFinal(error) }),
      Effect.mapError((error) => error as FinalError),
      (steps) => (job.traces.parent === '' ? steps : span(`flush.${name}`, { 'skald.partition': job.partition, 'skald.last': job.last }, undefined, steps)),
    )

  const stored = (task: EncodeTask): Effect.Effect<SegmentEntry, FinalError> =>
    Effect.gen(function* () {
      held.set(encodingBytes(task))
      const { entry, bytes } = yield* step('encode', (signal) => parts.work.encode(task, signal))
      held.set(bytes.length)
      yield* step('put', (signal) => parts.store.put(entry.key, bytes, signal))
      held.set(0)
      return entry
    })

  const flush = Effect.gen(function* () {
    const { task } = job
    const entry = task === null ? null : yield* permitted(stored(task))
    yield* step('commit', async () => {
      await checkLog(parts.wal, parts.catalog, job)
      await parts.catalog.commit(job.partition, job.epoch, job.last, entry)
    })
    observe(metrics, job, entry)
    job.onCommitted()
    yield* step('purge', () => parts.wal.purge(job.partition, job.last))
    metrics.flushSeconds.observe((clock.monotonicMs() - begunMs) / 1000)
    yield* point('done')
  }).pipe(Effect.catch((error) => Effect.sync(() => (error instanceof LogLostError ? job.onLost(error) : job.onFenced(error)))))
  const { parent, links } = job.traces
  if (parent === '') return flush
  const attributes = { 'skald.partition': job.partition, 'skald.first': job.first, 'skald.last': job.last, 'skald.reason': job.reason }
  return span('flush', attributes, { traceparent: parent }, flush, links)
}

const encodingBytes = ({ cut }: EncodeTask): number => Math.ceil(ENCODE_SHARE * cut.slabs.reduce((sum, { bytes }) => sum + bytes.byteLength, 0))

function observe(metrics: NodeMetrics, job: FlushJob, entry: SegmentEntry | null): void {
  metrics.segmentsFlushed.inc({ reason: job.reason })
  if (entry === null) return
  metrics.segmentBytes.observe(entry.sizeBytes)
  metrics.segmentRatio.observe(entry.sizeBytes / Math.max(1, entry.rawBytes))
}

/** What trying again cannot change. */
type FinalError = FencedError | LogLostError
const isFinal = (error: unknown): error is FinalError => error instanceof FencedError || error instanceof LogLostError
