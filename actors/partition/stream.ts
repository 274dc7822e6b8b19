/**
 * The stream actor: one label set of one tenant in one partition. Drops exact duplicates, keeps an open chunk, and the cut chunks until their
 * segment is committed. Child of `tenant-streams.ts`; passivates when it has no chunk left.
 */
import type { ActorContext, ActorRef, Behavior } from '../../runtime/actor.ts'
import type { TimeNs } from '../../protocols/model.ts'
import { withoutDuplicates } from '../../storage/slab-duplicates.ts'
import type { RowRun } from '../../storage/slab.ts'
import { chunkBehavior, type ChunkContent, type ChunkMessage } from './chunk.ts'
import type { SlabTable } from './slab-table.ts'

export type StreamMessage =
  | { readonly kind: 'append'; readonly run: RowRun; readonly receivedMs: number }
  | { readonly kind: 'cut'; readonly cut: number; readonly take: (content: ChunkContent | null) => void }
  | { readonly kind: 'committed'; readonly cut: number; readonly done: () => void }
  | { readonly kind: 'read'; readonly take: (contents: ReadonlyArray<ChunkContent>) => void }

interface StreamState {
  open: ActorRef<ChunkMessage> | null
  openCount: number
  /** Cut number -> its chunk, oldest first. */
  readonly cut: Map<number, ActorRef<ChunkMessage>>
  /** Runs of the open chunk, which a late run may overlap in time. */
  recent: RowRun[]
  recentMaxNs: TimeNs
}

export const streamBehavior = (slabs: SlabTable): Behavior<StreamMessage, StreamState> => ({
  init(context) {
    // A crashed chunk cannot be rebuilt alone: its crash goes up to the partition, which replays the WAL from its checkpoint.
    context.children.setPolicy({ restartsMax: 0 })
    return { open: null, openCount: 0, cut: new Map(), recent: [], recentMaxNs: 0n }
  },
  handle(state, message, context) {
    switch (message.kind) {
      case 'append':
        return append(slabs, state, message.run, message.receivedMs, context)
      case 'cut':
        return cut(state, message.cut, message.take)
      case 'committed':
        committed(state, message.cut)
        return message.done()
      case 'read':
        return read(state, message.take)
    }
  },
})

/** A stream may passivate when nothing of it is only in memory. */
export const streamIsIdle = (state: StreamState): boolean => state.open === null && state.cut.size === 0

function append(slabs: SlabTable, state: StreamState, run: RowRun, receivedMs: number, context: ActorContext<StreamMessage>): void {
  const lastNs = slabs.lastNs(run)
  const late = state.recent.length > 0 && slabs.firstNs(run) <= state.recentMaxNs
  const kept = withoutDuplicates((id) => slabs.of(id), run, late ? state.recent : [])
  if (kept.length === 0) return
  state.open ??= context.children.start({ id: `chunk-${++state.openCount}`, behavior: chunkBehavior(slabs), restart: 'transient' })
  for (const part of kept) deliver(state.open, { kind: 'append', run: part, receivedMs })
  state.recent.push(...kept)
  if (lastNs > state.recentMaxNs) state.recentMaxNs = lastNs
}

function cut(state: StreamState, number: number, take: (content: ChunkContent | null) => void): void {
  if (state.open === null) return take(null)
  state.cut.set(number, state.open)
  deliver(state.open, { kind: 'cut', take })
  state.open = null
  state.recent = []
  state.recentMaxNs = 0n
}

function committed(state: StreamState, number: number): void {
  const chunk = state.cut.get(number)
  state.cut.delete(number)
  if (chunk !== undefined) deliver(chunk, { kind: 'committed' })
}

function read(state: StreamState, take: (contents: ReadonlyArray<ChunkContent>) => void): void {
  const chunks = state.open === null ? [...state.cut.values()] : [...state.cut.values(), state.open]
  if (chunks.length === 0) return take([])
  const contents: ChunkContent[] = []
  for (const chunk of chunks) {
    deliver(chunk, {
      kind: 'read',
      take: (content) => {
        contents.push(content)
        if (contents.length === chunks.length) take(contents)
      },
    })
  }
}

/** A chunk that does not take a message is a broken invariant: the partition must be rebuilt. */
function deliver(chunk: ActorRef<ChunkMessage>, message: ChunkMessage): void {
  const delivery = chunk.tell(message)
  if (delivery !== 'delivered') throw new Error(`chunk ${chunk.address}: ${delivery}`)
}
