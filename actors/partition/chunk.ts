/**
 * The chunk actor: the entries of one stream between two cuts, as runs of rows in the partition's slabs. Child of its stream.
 * It never copies a line: the slabs hold the bytes, and the segment encoder reads them there.
 */
import type { ActorContext, Behavior } from '../../runtime/actor.ts'
import type { RowRun } from '../../storage/slab.ts'
import { CHUNK_TABLE, type ChunkEvent, type ChunkPhase } from './chunk-state.ts'
import type { SlabTable } from './slab-table.ts'

export interface ChunkContent {
  readonly runs: ReadonlyArray<RowRun>
  /** When the gateway received its first and last push, Unix ms. */
  readonly receivedMinMs: number
  readonly receivedMaxMs: number
}

export type ChunkMessage =
  | { readonly kind: 'append'; readonly run: RowRun; readonly receivedMs: number }
  /** Ends the chunk; `take` gets its content once. */
  | { readonly kind: 'cut'; readonly take: (content: ChunkContent) => void }
  /** Its segment is in the catalog: let go. */
  | { readonly kind: 'committed' }
  | { readonly kind: 'read'; readonly take: (content: ChunkContent) => void }

interface ChunkState {
  phase: ChunkPhase
  readonly runs: RowRun[]
  receivedMinMs: number
  receivedMaxMs: number
}

export const chunkBehavior = (slabs: SlabTable): Behavior<ChunkMessage, ChunkState> => ({
  init: () => ({ phase: 'open', runs: [], receivedMinMs: Infinity, receivedMaxMs: 0 }),
  handle(state, message, context) {
    if (message.kind === 'read') return message.take(contentOf(state))
    step(slabs, state, message.kind, message, context)
  },
})

function step(slabs: SlabTable, state: ChunkState, event: ChunkEvent, message: ChunkMessage, context: ActorContext<ChunkMessage>): void {
  const cell = CHUNK_TABLE[state.phase][event]
  state.phase = cell.next
  switch (cell.effect) {
    case 'keepRun':
      if (message.kind === 'append') keepRun(slabs, state, message.run, message.receivedMs)
      return
    case 'handOver':
      if (message.kind === 'cut') message.take(contentOf(state))
      return
    case 'release':
      context.stop()
      return
    case 'refuse':
      throw new Error(`chunk ${context.self.address}: ${event} in phase ${state.phase}`)
    case 'nothing':
  }
}

function keepRun(slabs: SlabTable, state: ChunkState, run: RowRun, receivedMs: number): void {
  const last = state.runs.at(-1)
  // Small pushes of one stream that follow each other in the slab become one run.
  if (last !== undefined && last.slab === run.slab && last.to === run.from && slabs.lastNs(last) <= slabs.firstNs(run)) {
    state.runs[state.runs.length - 1] = { slab: run.slab, from: last.from, to: run.to }
  } else state.runs.push(run)
  state.receivedMinMs = Math.min(state.receivedMinMs, receivedMs)
  state.receivedMaxMs = Math.max(state.receivedMaxMs, receivedMs)
}

function contentOf(state: ChunkState): ChunkContent {
  return { runs: [...state.runs], receivedMinMs: state.receivedMinMs, receivedMaxMs: state.receivedMaxMs }
}
