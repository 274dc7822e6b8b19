/**
 * The stream actor: one label set of one tenant in one partition. Drops exact duplicates, and keeps a chunk a cut: the one that rows go to now, and those before it until
 * their segment is committed. Rows name the cut that they belong to, so a cut need not reach all streams at once. Child of `tenant-streams.ts`; passivates when it has no chunk left.
 */
import type { ActorContext, ActorRef, Behavior } from '../../runtime/actor.ts'
import type { TimeNs } from '../../protocols/model.ts'
import { withoutDuplicates } from '../../storage/slab-duplicates.ts'
import type { RowRun } from '../../storage/slab.ts'
import { chunkBehavior, type ChunkContent, type ChunkMessage } from './chunk.ts'
import type { SlabTable } from './slab-table.ts'

export type StreamMessage =
  /** `cut`: the one that will store the rows. Never lower than before. */
  | { readonly kind: 'append'; readonly cut: number; readonly run: RowRun; readonly receivedMs: number }
  | { readonly kind: 'cut'; readonly cut: number; readonly take: (content: ChunkContent | null) => void }
  | { readonly kind: 'committed'; readonly cut: number; readonly done: () => void }
  /** What later cuts will store, and `from`. */
  | { readonly kind: 'read'; readonly from: number; readonly take: (contents: ReadonlyArray<ChunkContent>) => void }

interface StreamState {
  /** Cut number -> its chunk, oldest first. */
  readonly chunks: Map<number, ActorRef<ChunkMessage>>
  /** Runs of the cut `recentCut`, which a late run may overlap in time. */
  recent: RowRun[]
  recentMaxNs: TimeNs
  recentCut: number
}

export const streamBehavior = (slabs: SlabTable): Behavior<StreamMessage, StreamState> => ({
  init(context) {
    // A crashed chunk cannot be rebuilt alone: its crash goes up to the partition, which replays the WAL from its checkpoint.
    context.children.setPolicy({ restartsMax: 0 })
    return { chunks: new Map(), recent: [], recentMaxNs: 0n, recentCut: 0 }
  },
  handle(state, message, context) {
    switch (message.kind) {
      case 'append':
        return append(slabs, state, message, context)
      case 'cut':
        return cut(state, message.cut, message.take)
      case 'committed':
        committed(state, message.cut)
        return message.done()
      case 'read':
        return read(state, message.from, message.take)
    }
  },
})

/** A stream may passivate when nothing of it is only in memory. */
export const streamIsIdle = (state: StreamState): boolean => state.chunks.size === 0

function append(slabs: SlabTable, state: StreamState, { cut, run, receivedMs }: Extract<StreamMessage, { kind: 'append' }>, context: ActorContext<StreamMessage>): void {
  if (cut !== state.recentCut) remember(state, cut)
  const lastNs = slabs.lastNs(run)
  const late = state.recent.length > 0 && slabs.firstNs(run) <= state.recentMaxNs
  const kept = withoutDuplicates((id) => slabs.of(id), run, late ? state.recent : [])
  if (kept.length === 0) return
  const chunk = state.chunks.get(cut) ?? context.children.start<ChunkMessage, unknown>({ id: `chunk-${cut}`, behavior: chunkBehavior(slabs), restart: 'transient' })
  state.chunks.set(cut, chunk)
  for (const part of kept) deliver(chunk, { kind: 'append', run: part, receivedMs })
  state.recent.push(...kept)
  if (lastNs > state.recentMaxNs) state.recentMaxNs = lastNs
}

/** From here on rows are told from those of this cut. */
function remember(state: StreamState, cut: number): void {
  state.recent = []
  state.recentMaxNs = 0n
  state.recentCut = cut
}

function cut(state: StreamState, number: number, take: (content: ChunkContent | null) => void): void {
  const chunk = state.chunks.get(number)
  if (chunk === undefined) return take(null)
  deliver(chunk, { kind: 'cut', take })
}

function committed(state: StreamState, number: number): void {
  const chunk = state.chunks.get(number)
  state.chunks.delete(number)
  if (chunk !== undefined) deliver(chunk, { kind: 'committed' })
}

function read(state: StreamState, from: number, take: (contents: ReadonlyArray<ChunkContent>) => void): void {
  const contents: ChunkContent[] = []
  let asked = 0
  // Answers come later, when all have been asked.
  const add = (content: ChunkContent): void => {
    contents.push(content)
    if (contents.length === asked) take(contents)
  }
  for (const [cut, chunk] of state.chunks) {
    if (cut < from) continue
    asked++
    deliver(chunk, { kind: 'read', take: add })
  }
  if (asked === 0) take(contents)
}

/** A chunk that does not take a message is a broken invariant: the partition must be rebuilt. */
function deliver(chunk: ActorRef<ChunkMessage>, message: ChunkMessage): void {
  const delivery = chunk.tell(message)
  if (delivery !== 'delivered') throw new Error(`chunk ${chunk.address}: ${delivery}`)
}
