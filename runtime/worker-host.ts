/**
 * The other end of `worker-pool.ts`: turns a function into a worker thread's message loop. Used by the thread entry files in `actors/`.
 * Tasks that await (object I/O) interleave; each sees its own `TaskSignal`.
 */
import { setImmediate } from 'node:timers/promises'
import { parentPort } from 'node:worker_threads'
import { SkaldError } from './errors.ts'
import { programFiles } from './program-files.ts'
import type { TaskAnswer, TaskEnvelope } from './worker-pool.ts'

/** Poll between units of work (a block, a range); never per line. */
export interface TaskSignal {
  /** Throws `query_cancelled` once the caller has lost interest. */
  check(): void
  /** `check`, and when this task has had the thread for a while, lets its other tasks go on first. Call between units of work. */
  turn(): Promise<void>
}

export interface TaskResult {
  readonly value: unknown
  readonly transfer?: ReadonlyArray<ArrayBuffer>
}

/** How long a task has the thread before another may go on. */
const SLICE_MS = 8

export function serveTasks(handle: (task: unknown, signal: TaskSignal) => Promise<TaskResult> | TaskResult): void {
  const port = parentPort
  if (port === null) throw new Error('serveTasks runs in worker threads only')
  // This thread has loaded what is there now, and its pool what was there then.
  if (process.argv.at(-1) !== programFiles()) throw new Error('the program was changed on disk while this node runs, and its new threads do not fit it any more: restart the node')
  port.on('message', (envelope: TaskEnvelope) => {
    void answer(envelope, handle).then(({ message, transfer }) => port.postMessage(message, [...transfer]))
  })
}

function signalOf(flag: Int32Array): TaskSignal {
  let begunMs = performance.now()
  const check = (): void => {
    if (Atomics.load(flag, 0) !== 0) throw new SkaldError('query_cancelled', 'the request was cancelled by the client')
  }
  return {
    check,
    turn: async () => {
      check()
      if (performance.now() - begunMs < SLICE_MS) return
      await setImmediate()
      check()
      begunMs = performance.now()
    },
  }
}

async function answer(
  envelope: TaskEnvelope,
  handle: (task: unknown, signal: TaskSignal) => Promise<TaskResult> | TaskResult,
): Promise<{ message: TaskAnswer; transfer: ReadonlyArray<ArrayBuffer> }> {
  const { id, flag } = envelope
  const signal = signalOf(flag)
  try {
    signal.check()
    const { value, transfer } = await handle(envelope.task, signal)
    return { message: { id, ok: true, value }, transfer: transfer ?? [] }
  } catch (error) {
    const known = error instanceof SkaldError
    const message = error instanceof Error ? error.message : String(error)
    return { message: { id, ok: false, code: known ? error.code : null, message, stack: error instanceof Error ? error.stack : undefined }, transfer: [] }
  }
}
