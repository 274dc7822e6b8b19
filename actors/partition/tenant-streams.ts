/**
 * One tenant's streams in one partition: label string -> stream actor. Child of the partition; hands rows down, gathers content up.
 */
import type { ActorContext, ActorRef, Behavior } from '../../runtime/actor.ts'
import { parseLabels } from '../../protocols/labels.ts'
import type { Labels } from '../../protocols/model.ts'
import type { RowRun } from '../../storage/slab.ts'
import type { ChunkContent } from './chunk.ts'
import { Gather } from './gather.ts'
import type { SlabTable } from './slab-table.ts'
import { streamBehavior, streamIsIdle, type StreamMessage } from './stream.ts'

export interface StreamContent {
  readonly labels: Labels
  readonly chunks: ReadonlyArray<ChunkContent>
}

export type AcceptLabels = (labels: Labels) => boolean

export type TenantStreamsMessage =
  | { readonly kind: 'append'; readonly labelsText: string; readonly run: RowRun; readonly receivedMs: number }
  | { readonly kind: 'cut'; readonly cut: number; readonly take: (streams: ReadonlyArray<StreamContent>) => void }
  | { readonly kind: 'committed'; readonly cut: number; readonly done: () => void }
  /** What is in memory of the streams that `accept` takes. */
  | { readonly kind: 'read'; readonly accept: AcceptLabels; readonly take: (streams: ReadonlyArray<StreamContent>) => void }

interface OpenStream {
  readonly labels: Labels
  readonly id: string
}

interface TenantStreamsState {
  readonly streams: Map<string, OpenStream>
  created: number
}

export const tenantStreamsBehavior = (slabs: SlabTable, streamIdleMs: number): Behavior<TenantStreamsMessage, TenantStreamsState> => ({
  init(context) {
    context.children.setPolicy({ restartsMax: 0 })
    return { streams: new Map(), created: 0 }
  },
  handle(state, message, context) {
    switch (message.kind) {
      case 'append':
        return deliver(openStream(slabs, state, message.labelsText, streamIdleMs, context), { kind: 'append', run: message.run, receivedMs: message.receivedMs })
      case 'cut':
        return cut(state, message.cut, message.take, context)
      case 'committed':
        return committed(state, message.cut, message.done, context)
      case 'read':
        return read(state, message.accept, message.take, context)
    }
  },
})

export const tenantStreamsAreIdle = (state: TenantStreamsState): boolean => state.streams.size === 0

function openStream(
  slabs: SlabTable,
  state: TenantStreamsState,
  text: string,
  idleMs: number,
  context: ActorContext<TenantStreamsMessage>,
): ActorRef<StreamMessage> {
  const known = state.streams.get(text)
  const running = known === undefined ? undefined : context.children.get<StreamMessage>(known.id)
  if (running !== undefined) return running
  const stream = known ?? { labels: parseLabels(text), id: `stream-${++state.created}` }
  state.streams.set(text, stream)
  return context.children.start({
    id: stream.id,
    behavior: streamBehavior(slabs),
    restart: 'transient',
    idleMs,
    passivate: streamIsIdle,
  })
}

/** Streams that run; those that passivated since are forgotten here. */
function live(state: TenantStreamsState, context: ActorContext<TenantStreamsMessage>): Array<{ labels: Labels; ref: ActorRef<StreamMessage> }> {
  const found: Array<{ labels: Labels; ref: ActorRef<StreamMessage> }> = []
  for (const [text, stream] of state.streams) {
    const ref = context.children.get<StreamMessage>(stream.id)
    if (ref === undefined) state.streams.delete(text)
    else found.push({ labels: stream.labels, ref })
  }
  return found
}

function cut(
  state: TenantStreamsState,
  number: number,
  take: (streams: ReadonlyArray<StreamContent>) => void,
  context: ActorContext<TenantStreamsMessage>,
): void {
  const streams = live(state, context)
  const gather = new Gather<StreamContent>(streams.length, (all) => take(all.filter((s) => s.chunks.length > 0)))
  for (const { labels, ref } of streams) {
    deliver(ref, { kind: 'cut', cut: number, take: (content) => gather.add({ labels, chunks: content === null ? [] : [content] }) })
  }
}

function committed(state: TenantStreamsState, number: number, done: () => void, context: ActorContext<TenantStreamsMessage>): void {
  const streams = live(state, context)
  const gather = new Gather<void>(streams.length, done)
  for (const { ref } of streams) deliver(ref, { kind: 'committed', cut: number, done: () => gather.add() })
}

function read(
  state: TenantStreamsState,
  accept: AcceptLabels,
  take: (streams: ReadonlyArray<StreamContent>) => void,
  context: ActorContext<TenantStreamsMessage>,
): void {
  const streams = live(state, context).filter(({ labels }) => accept(labels))
  const gather = new Gather<StreamContent>(streams.length, (all) => take(all.filter((s) => s.chunks.length > 0)))
  for (const { labels, ref } of streams) deliver(ref, { kind: 'read', take: (chunks) => gather.add({ labels, chunks }) })
}

/** A stream that refuses a message would lose acknowledged entries from memory: crash, and let the partition replay its log. */
function deliver(stream: ActorRef<StreamMessage>, message: StreamMessage): void {
  const delivery = stream.tell(message)
  if (delivery !== 'delivered') throw new Error(`stream ${stream.address}: ${delivery}`)
}
