/**
 * The other end of `worker-pool.ts`: turns a function into a worker thread's message loop. Used by the thread entry files in `actors/`.
 * Tasks that await (object I/O) interleave; each sees its own `TaskSignal`.
 */
import { parentPort } from 'node:worker_threads'
import { SkaldError } from './errors.ts'
import type { TaskAnswer, TaskEnvelope } from './worker-pool.ts'

/** Poll between units of work (a block, a range); never per line. */
export interface TaskSignal {
  /** Throws `query_cancelled` once the caller has lost interest. */
  check(): void
}

export interface TaskResult {
  readonly value: unknown
  readonly transfer?: ReadonlyArray<ArrayBuffer>
}

export function serveTasks(handle: (task: unknown, signal: TaskSignal) => Promise<TaskResult> | TaskResult): void {
  const port = parentPort
  if (port === null) throw new Error('serveTasks runs in worker threads only')
  port.on('message', (envelope: TaskEnvelope) => {
    void answer(envelope, handle).then(({ message, transfer }) => port.postMessage(message, [...transfer]))
  })
}

async function answer(
  envelope: TaskEnvelope,
  handle: (task: unknown, signal: TaskSignal) => Promise<TaskResult> | TaskResult,
): Promise<{ message: TaskAnswer; transfer: ReadonlyArray<ArrayBuffer> }> {
  const { id, flag } = envelope
  const signal: TaskSignal = {
    check: () => {
      if (Atomics.load(flag, 0) !== 0) throw new SkaldError('query_cancelled', 'the request was cancelled by the client')
    },
  }
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
