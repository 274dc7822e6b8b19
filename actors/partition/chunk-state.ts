/**
 * The life of a chunk as a pure state machine: open -> cut -> stored. Driven by `chunk.ts`; has no clock and does no work of its own.
 * The table is total: a missing cell does not compile.
 */

export type ChunkPhase = 'open' | 'cut' | 'stored'

export type ChunkEvent = 'append' | 'cut' | 'committed'

export type ChunkEffect = 'keepRun' | 'handOver' | 'release' | 'refuse' | 'nothing'

type Cell = { readonly next: ChunkPhase; readonly effect: ChunkEffect }

/**
 * `append` after the cut is refused: the stream must have opened a new chunk. `cut` twice and `committed` twice are harmless, since both can be
 * repeated after a crash. `committed` of a chunk that was never cut cannot happen and is refused.
 */
export const CHUNK_TABLE: Readonly<Record<ChunkPhase, Readonly<Record<ChunkEvent, Cell>>>> = {
  open: {
    append: { next: 'open', effect: 'keepRun' },
    cut: { next: 'cut', effect: 'handOver' },
    committed: { next: 'open', effect: 'refuse' },
  },
  cut: {
    append: { next: 'cut', effect: 'refuse' },
    cut: { next: 'cut', effect: 'nothing' },
    committed: { next: 'stored', effect: 'release' },
  },
  stored: {
    append: { next: 'stored', effect: 'refuse' },
    cut: { next: 'stored', effect: 'nothing' },
    committed: { next: 'stored', effect: 'nothing' },
  },
}
