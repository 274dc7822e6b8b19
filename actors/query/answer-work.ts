/**
 * Where answers are made: what may take long runs in a thread of its own, so that the event loop is never held up by one query's size or malice; what is surely quick runs
 * where it is, without the way there and back. Used by the front end, the querier and endpoints. Decides by sizes alone, before it starts.
 */
import { WorkerPool } from '../../runtime/worker-pool.ts'
import type { TaskSignal } from '../../runtime/worker-host.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { PlanNode, QueryPlan } from '../../protocols/logql/plan.ts'
import type { MatrixData } from '../../protocols/logql/query-data.ts'
import type { MemoryBudget } from '../../storage/memory-budget.ts'
import { ownBuffers } from '../segments/encoded-partial.ts'
import { ScanRoom } from '../segments/scan-room.ts'
import { type AnswerTask, type AnswerTasks, partialsOf, runAnswerTask, type ShownAnswer } from './answer-tasks.ts'

type GivenBy<T extends AnswerTask> = AnswerTasks[T['kind']]['gives']

export interface AnswerWork {
  run<T extends AnswerTask>(task: T, signal?: AbortSignal): Promise<GivenBy<T>>
  close(): Promise<void>
}

export interface AnswerWorkOptions {
  readonly budget: MemoryBudget
  /** JavaScript heap of the thread, MB. */
  readonly heapMbMax: number
  readonly onCrash: (error: Error) => void
}

/** Of a query's text. The slowest such text that is known parses in a few milliseconds. */
const INLINE_CHARS_MAX = 512
/** Of partial answers. */
const INLINE_BYTES_MAX = 96 * 1024
/** Points of series, over all operators that make them. */
const INLINE_VALUES_MAX = 10_000
/** A decoded partial takes a few times its bytes. */
const DECODED_FACTOR = 3
const VALUE_BYTES = 9
/** What a task is counted with at most: so a few large ones run at once, and none takes the room of pushes. */
const ROOM_BYTES_MAX = 32 * 1024 * 1024
const ROOM_SHARE = 4
/** Points of a matrix that are written at a time. */
const SLICE_VALUES = 64 * 1024

export function makeThreadedAnswers({ budget, heapMbMax, onCrash }: AnswerWorkOptions): AnswerWork {
  const pool = new WorkerPool({ script: new URL('./answer-worker.ts', import.meta.url), threads: 1, heapMbMax, onCrash })
  const room = new ScanRoom(budget)
  return {
    run<T extends AnswerTask>(task: T, signal?: AbortSignal) {
      const size = sizeOf(task)
      if (size.inline) return inlineAnswers.run(task, signal)
      const options = { transfer: ownBuffers(partialsOf(task)), ...(signal === undefined ? {} : { signal }) }
      return room.run(Math.min(size.bytes, ROOM_BYTES_MAX, budget.bytesMax / ROOM_SHARE), () => pool.run<GivenBy<T>>(task, options))
    },
    close: () => pool.close(),
  }
}

/** All on the caller's thread: simulator, small tests. */
export const inlineAnswers: AnswerWork = {
  run: <T extends AnswerTask>(task: T, signal?: AbortSignal) => runAnswerTask(task, uninterrupted(signal)) as Promise<GivenBy<T>>,
  close: async () => undefined,
}

function uninterrupted(signal: AbortSignal | undefined): TaskSignal {
  const check = (): void => {
    if (signal?.aborted === true) throw new SkaldError('query_cancelled', 'the request was cancelled by the client')
  }
  return { check, turn: async () => check() }
}

/** The JSON of a result, piece by piece as it is taken. */
export async function* resultBytes(work: AnswerWork, shown: ShownAnswer, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (shown.kind === 'pieces') return yield* shown.pieces
  const { grid, series } = shown.matrix
  yield Buffer.from('[')
  const atOnce = Math.max(1, Math.trunc(SLICE_VALUES / grid.count))
  for (let first = 0; first < series.length; first += atOnce) {
    yield* await work.run({ kind: 'seriesText', matrix: { kind: 'matrix', grid, series: series.slice(first, first + atOnce) }, first }, signal)
  }
  yield Buffer.from(']')
}

/** `inline`: it is quick for sure. Else about how many bytes it takes while it runs. */
function sizeOf(task: AnswerTask): { readonly inline: boolean; readonly bytes: number } {
  switch (task.kind) {
    case 'prepare': return ofText(task.query.text)
    case 'parseLog': case 'parseMatchers': case 'prettify': return ofText(task.text)
    case 'merge': case 'exportPage': case 'patterns': return ofWork(bytesIn(task.partials), 0)
    case 'show': return ofWork(task.partials.reduce((sum, partials) => sum + bytesIn(partials), 0), valuesOf(task))
    case 'streams': return ofWork(bytesIn(task.partials), task.form.kind === 'volumeRange' ? task.items * task.form.intervals.length : 0)
    case 'seriesText': return ofWork(0, pointsOf(task.matrix))
  }
}

const ofText = (text: string): { inline: boolean; bytes: number } => ({ inline: text.length <= INLINE_CHARS_MAX, bytes: 0 })
const ofWork = (bytes: number, values: number): { inline: boolean; bytes: number } => ({ inline: bytes <= INLINE_BYTES_MAX && values <= INLINE_VALUES_MAX, bytes: bytes * DECODED_FACTOR + values * VALUE_BYTES })

const bytesIn = (partials: ReadonlyArray<Uint8Array>): number => partials.reduce((sum, { length }) => sum + length, 0)
const pointsOf = ({ series, grid }: MatrixData): number => series.length * grid.count

/** At most so many points are made by all operators together; Infinity where a point's cost has no bound (regular expressions over labels). */
function valuesOf({ plan, items }: AnswerTask<'show'>): number {
  if (plan.kind === 'log') return 0
  const { nodes, rewritesLabels } = treeOf(plan)
  return rewritesLabels ? Infinity : Math.max(1, items) * plan.grid.count * nodes
}

function treeOf({ root }: Extract<QueryPlan, { kind: 'metric' }>): { nodes: number; rewritesLabels: boolean } {
  let nodes = 0
  let rewritesLabels = false
  const open: PlanNode[] = [root]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    nodes++
    rewritesLabels ||= node.kind === 'labelReplace'
    if (node.kind === 'binary') open.push(node.left, node.right)
    else if (node.kind === 'vector' || node.kind === 'labelReplace') open.push(node.inner)
  }
  return { nodes, rewritesLabels }
}
