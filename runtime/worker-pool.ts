/**
 * A pool of worker threads for what must not run on the event loop: encoding segments, scanning blocks. Used by `actors/`.
 *
 * A task is one message and one answer. A thread that dies fails its tasks (retryable); the next task gets a new one. Cancelling sets a flag in shared
 * memory that the task polls (`TaskSignal`), because a busy thread reads no messages. Never decides what runs first: callers queue.
 */
import { Worker } from 'node:worker_threads'
import { SkaldError, type ErrorCode } from './errors.ts'
import { programFiles } from './program-files.ts'

/** What travels to a thread. `flag[0]` becomes 1 when the caller has lost interest. */
export interface TaskEnvelope {
  readonly id: number
  readonly task: unknown
  readonly flag: Int32Array
}

export type TaskAnswer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly code: ErrorCode | null; readonly message: string; readonly stack: string | undefined }

export interface TaskOptions {
  readonly transfer?: ReadonlyArray<ArrayBuffer>
  /** Tasks of equal affinity prefer the same thread, so that its caches serve them. Absent: the least busy thread. */
  readonly affinity?: number
  readonly signal?: AbortSignal
}

interface Pending {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly flag: Int32Array
}

interface Slot {
  readonly place: number
  readonly worker: Worker
  readonly pending: Map<number, Pending>
  idleTimer: NodeJS.Timeout | undefined
}

export interface WorkerPoolOptions {
  readonly script: URL
  readonly threads: number
  /** What a thread is told at its start; `place` is its number, kept by whoever replaces it. */
  readonly workerDataOf?: (place: number) => unknown
  /** Hard bound on a thread's JavaScript heap, MB: a runaway task dies alone. */
  readonly heapMbMax: number
  readonly onCrash?: (error: Error) => void
  /** Threads are used side by side: when some have worked, and all have had nothing to do for a moment, the others are started. */
  readonly together?: boolean
  /** A thread that had nothing to do for so long ends, and gives back its memory; absent: threads stay. */
  readonly idleMsMax?: number
}

/** Tasks work on buffers and make few objects: a small nursery is collected often, and lets go of the buffers that died in it. */
const YOUNG_MB = 8

/** Not while somebody waits for answers: starting threads takes processor time from those that work. */
const START_OTHERS_AFTER_MS = 200

/** As this process loaded it. */
const PROGRAM = programFiles()

export class WorkerPool {
  /** A place is empty until its first task: an idle node does not pay for threads. */
  private readonly slots: Array<Slot | null>
  private readonly options: WorkerPoolOptions
  private nextId = 1
  private othersTimer: NodeJS.Timeout | undefined
  private closed = false

  constructor(options: WorkerPoolOptions) {
    this.options = options
    this.slots = Array.from({ length: options.threads }, () => null)
  }

  /** Tasks under way, over all threads. */
  get busy(): number {
    return this.slots.reduce((sum, slot) => sum + pendingOf(slot), 0)
  }

  /** Some thread has nothing to do. */
  get hasIdle(): boolean {
    return this.slots.some((slot) => pendingOf(slot) === 0)
  }

  get threads(): number {
    return this.slots.length
  }

  /** No thread has less to do than the one that this affinity prefers. */
  hasRoomAt(affinity: number): boolean {
    return this.place(affinity) === affinity % this.slots.length
  }

  run<A>(task: unknown, options: TaskOptions = {}): Promise<A> {
    if (this.closed) return Promise.reject(new SkaldError('stopping', 'the worker pool is closed'))
    clearTimeout(this.othersTimer)
    const slot = this.choose(options.affinity)
    clearTimeout(slot.idleTimer)
    const id = this.nextId++
    const flag = new Int32Array(new SharedArrayBuffer(4))
    return new Promise<A>((resolve, reject) => {
      const cancel = (): void => {
        Atomics.store(flag, 0, 1)
        slot.pending.delete(id)
        reject(new SkaldError('query_cancelled', 'the request was cancelled by the client'))
      }
      if (options.signal?.aborted === true) return cancel()
      options.signal?.addEventListener('abort', cancel, { once: true })
      const done = (): void => options.signal?.removeEventListener('abort', cancel)
      slot.pending.set(id, {
        flag,
        resolve: (value) => (done(), resolve(value as A)),
        reject: (error) => (done(), reject(error)),
      })
      slot.worker.postMessage({ id, task, flag } satisfies TaskEnvelope, [...(options.transfer ?? [])])
    })
  }

  async close(): Promise<void> {
    this.closed = true
    const running = this.slots.filter((slot) => slot !== null)
    await Promise.all(running.map((slot) => slot.worker.terminate()))
    for (const slot of running) this.failAll(slot, new SkaldError('stopping', 'the worker pool is closed'))
  }

  private choose(affinity: number | undefined): Slot {
    const at = this.place(affinity)
    return (this.slots[at] ??= this.spawn(at))
  }

  /** Of the least busy thread; of the preferred one if it is no busier. */
  private place(affinity: number | undefined): number {
    let at = affinity === undefined ? 0 : affinity % this.slots.length
    for (let i = 0; i < this.slots.length; i++) if (pendingOf(this.slots[i] ?? null) < pendingOf(this.slots[at] ?? null)) at = i
    return at
  }

  private startOthersSoon(): void {
    if (this.options.together !== true || this.busy > 0 || !this.slots.includes(null)) return
    this.othersTimer = setTimeout(() => this.startOthers(), START_OTHERS_AFTER_MS).unref()
  }

  private startOthers(): void {
    if (this.closed) return
    for (let place = 0; place < this.slots.length; place++) this.slots[place] ??= this.spawn(place)
  }

  private endWhenIdle(slot: Slot): void {
    const { idleMsMax } = this.options
    if (idleMsMax === undefined || slot.pending.size > 0) return
    // Answers to tasks that were cancelled come when it was idle already.
    clearTimeout(slot.idleTimer)
    slot.idleTimer = setTimeout(() => {
      this.slots[slot.place] = null
      void slot.worker.terminate()
    }, idleMsMax).unref()
  }

  private spawn(place: number): Slot {
    const slot: Slot = { place, worker: this.thread(place), pending: new Map(), idleTimer: undefined }
    this.listen(slot)
    return slot
  }

  private thread(place: number): Worker {
    return new Worker(this.options.script, {
      workerData: this.options.workerDataOf?.(place) ?? null,
      argv: [PROGRAM],
      resourceLimits: { maxOldGenerationSizeMb: this.options.heapMbMax, maxYoungGenerationSizeMb: YOUNG_MB },
    })
  }

  private listen(slot: Slot): void {
    const { worker } = slot
    worker.on('message', (answer: TaskAnswer) => {
      this.settle(slot, answer)
      this.endWhenIdle(slot)
    })
    worker.on('error', (error) => this.drop(slot, error instanceof Error ? error : new Error(String(error))))
    worker.on('exit', (code) => this.drop(slot, new Error(`worker thread ended with code ${code}`)))
  }

  private settle(slot: Slot, answer: TaskAnswer): void {
    const pending = slot.pending.get(answer.id)
    if (pending === undefined) return
    slot.pending.delete(answer.id)
    this.startOthersSoon()
    if (answer.ok) pending.resolve(answer.value)
    else pending.reject(answer.code === null ? withStack(answer.message, answer.stack) : new SkaldError(answer.code, answer.message))
  }

  /** The next task of its place starts another. */
  private drop(slot: Slot, error: Error): void {
    if (this.closed || this.slots[slot.place] !== slot) return
    this.options.onCrash?.(error)
    this.slots[slot.place] = null
    this.failAll(slot, new SkaldError('over_memory', `a worker thread died: ${error.message}`, { cause: error }))
  }

  private failAll(slot: Slot, error: SkaldError): void {
    for (const pending of slot.pending.values()) pending.reject(error)
    slot.pending.clear()
  }
}

const pendingOf = (slot: Slot | null): number => slot?.pending.size ?? 0

function withStack(message: string, stack: string | undefined): Error {
  const error = new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}
