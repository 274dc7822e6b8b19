/**
 * One tenant's streams in one partition: label string -> stream actor. Child of the partition; hands rows down, gathers content up. What concerns all streams (a read, a
 * cut, its commit) goes through them in slices, between which others have their turn: there may be 50,000. Appends go on meanwhile.
 */
import type { ActorContext, ActorRef, Behavior } from '../../runtime/actor.ts'
import { parseCanonicalLabels } from '../../protocols/labels.ts'
import type { Labels } from '../../protocols/model.ts'
import type { RowRun } from '../../storage/slab.ts'
import type { ChunkContent } from './chunk.ts'
import { Gather } from './gather.ts'
import type { SlabTable } from './slab-table.ts'
import { streamBehavior, streamIsIdle, type StreamMessage } from './stream.ts'

export interface StreamContent {
  readonly labelsText: string
  readonly chunks: ReadonlyArray<ChunkContent>
}

export type AcceptLabels = (labels: Labels) => boolean
/** Gets streams that hold something, some at a time. */
export type TakeStreams = (streams: ReadonlyArray<StreamContent>) => void

export type TenantStreamsMessage =
  /** `cut`: see `stream.ts`. */
  | { readonly kind: 'append'; readonly cut: number; readonly labelsText: string; readonly run: RowRun; readonly receivedMs: number }
  | { readonly kind: 'cut'; readonly cut: number; readonly take: TakeStreams; readonly done: () => void }
  /** Waits for reads that began before it and want what it lets go of. */
  | { readonly kind: 'committed'; readonly cut: number; readonly done: () => void }
  /** What is in memory of the streams that `accept` takes, and not of a cut before `from`. */
  | { readonly kind: 'read'; readonly from: number; readonly accept: AcceptLabels; readonly take: TakeStreams; readonly done: () => void }
  | { readonly kind: 'goOn'; readonly walk: Walk }

interface OpenStream {
  readonly labels: Labels
  readonly id: string
}

/** A way through all streams. */
interface Walk {
  readonly streams: Iterator<readonly [labelsText: string, stream: OpenStream]>
  readonly accept: AcceptLabels
  /** Speaks to one stream, and calls `answered` once, with what it holds. */
  readonly visit: (ref: ActorRef<StreamMessage>, answered: (chunks: ReadonlyArray<ChunkContent>) => void) => void
  readonly take: TakeStreams
  readonly done: () => void
}

interface TenantStreamsState {
  readonly streams: Map<string, OpenStream>
  created: number
  /** Reads under way. */
  readonly reads: Set<{ readonly from: number }>
  /** Cuts and commits, one after the other; the first may be under way. */
  passes: ReadonlyArray<Pass>
  isPassing: boolean
}

type Pass = Extract<TenantStreamsMessage, { kind: 'cut' | 'committed' }>

/** Streams that are passed by before others have their turn, or so many fewer that are asked: about 3 ms. */
const SLICE_STREAMS = 4_000
const ASKED_AS_PASSED = 4

const all: AcceptLabels = () => true
const nothing = (): void => undefined

export const tenantStreamsBehavior = (slabs: SlabTable, streamIdleMs: number): Behavior<TenantStreamsMessage, TenantStreamsState> => ({
  init(context) {
    context.children.setPolicy({ restartsMax: 0 })
    return { streams: new Map(), created: 0, reads: new Set(), passes: [], isPassing: false }
  },
  handle(state, message, context) {
    switch (message.kind) {
      case 'append': {
        const { cut, run, receivedMs } = message
        return deliver(openStream(slabs, state, message.labelsText, streamIdleMs, context), { kind: 'append', cut, run, receivedMs })
      }
      case 'cut':
      case 'committed':
        state.passes = [...state.passes, message]
        return nextPass(state, context)
      case 'read':
        return read(state, message, context)
      case 'goOn':
        return goOn(state, message.walk, context)
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
  const stream = known ?? { labels: parseCanonicalLabels(text), id: `stream-${++state.created}` }
  state.streams.set(text, stream)
  return context.children.start({
    id: stream.id,
    behavior: streamBehavior(slabs),
    restart: 'transient',
    idleMs,
    passivate: streamIsIdle,
  })
}

/** The next slice of a walk. The one after it begins when all have answered, behind I/O and timers. */
function goOn(state: TenantStreamsState, walk: Walk, context: ActorContext<TenantStreamsMessage>): void {
  const { refs, isLast } = nextSlice(state, walk, context)
  const gather = new Gather<StreamContent>(refs.length, (contents) => {
    const held = contents.filter(({ chunks }) => chunks.length > 0)
    if (held.length > 0) walk.take(held)
    if (isLast) walk.done()
    else context.tellLater(0, { kind: 'goOn', walk })
  })
  for (const [labelsText, ref] of refs) walk.visit(ref, (chunks) => gather.add({ labelsText, chunks }))
}

/** Streams that run; those that passivated since are forgotten here. */
function nextSlice(state: TenantStreamsState, { streams, accept }: Walk, context: ActorContext<TenantStreamsMessage>): { refs: Array<readonly [string, ActorRef<StreamMessage>]>; isLast: boolean } {
  const refs: Array<readonly [string, ActorRef<StreamMessage>]> = []
  for (let passed = 0; passed + refs.length * ASKED_AS_PASSED < SLICE_STREAMS; passed++) {
    const next = streams.next()
    if (next.done === true) return { refs, isLast: true }
    const [text, { id, labels }] = next.value
    const ref = context.children.get<StreamMessage>(id)
    if (ref === undefined) state.streams.delete(text)
    else if (accept(labels)) refs.push([text, ref])
  }
  return { refs, isLast: false }
}

function read(state: TenantStreamsState, { from, accept, take, done }: Extract<TenantStreamsMessage, { kind: 'read' }>, context: ActorContext<TenantStreamsMessage>): void {
  const reading = { from }
  state.reads.add(reading)
  const ended = (): void => {
    done()
    state.reads.delete(reading)
    nextPass(state, context)
  }
  const visit: Walk['visit'] = (ref, answered) => deliver(ref, { kind: 'read', from, take: answered })
  goOn(state, { streams: state.streams.entries(), accept, visit, take, done: ended }, context)
}

function nextPass(state: TenantStreamsState, context: ActorContext<TenantStreamsMessage>): void {
  const pass = state.passes[0]
  if (pass === undefined || state.isPassing || isStillRead(state, pass)) return
  state.isPassing = true
  const done = (): void => {
    state.isPassing = false
    state.passes = state.passes.slice(1)
    pass.done()
    nextPass(state, context)
  }
  goOn(state, { streams: state.streams.entries(), accept: all, visit: visitOf(pass), take: pass.kind === 'cut' ? pass.take : nothing, done }, context)
}

const isStillRead = ({ reads }: TenantStreamsState, pass: Pass): boolean => pass.kind === 'committed' && [...reads].some(({ from }) => from <= pass.cut)

function visitOf({ kind, cut }: Pass): Walk['visit'] {
  if (kind === 'cut') return (ref, answered) => deliver(ref, { kind, cut, take: (content) => answered(content === null ? [] : [content]) })
  return (ref, answered) => deliver(ref, { kind, cut, done: () => answered([]) })
}

/** A stream that refuses a message would lose acknowledged entries from memory: crash, and let the partition replay its log. */
function deliver(stream: ActorRef<StreamMessage>, message: StreamMessage): void {
  const delivery = stream.tell(message)
  if (delivery !== 'delivered') throw new Error(`stream ${stream.address}: ${delivery}`)
}
