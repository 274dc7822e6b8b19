/**
 * One partition's life on one node, as a pure, total state machine: (state, event, now) -> state, effects. `node.ts` carries the effects out.
 * The rules that it upholds:
 *
 * - The actor is started only under a held lease, and its epoch fences every older owner at the catalog (F3).
 * - An owner that lost its lease goes on answering reads until another node has announced itself: its answers stay right, because it has applied
 *   the whole log (Q2) and ends when it finds a part of it purged by a newer owner.
 * - An actor that ended is started again only by this machine, so never without a lease.
 */

export interface TenureState {
  /** The ring wants this node to own the partition. */
  readonly isAssigned: boolean
  readonly lease: 'none' | 'wanted' | 'held' | 'releasing'
  /** Newest lease epoch that this node held. */
  readonly leaseEpoch: number
  /** Epochs at and below this one are used up: known from the catalog. */
  readonly epochFloor: number
  readonly actor: 'none' | 'starting' | 'serving' | 'stopping'
  /** Lease epoch under which the actor was started. */
  readonly actorEpoch: number
  /** The actor may read on, but what it flushes is refused. */
  readonly isFenced: boolean
  /** Who is announced as serving; epoch 0: nobody. `isMissed`: that node is no member any more. */
  readonly announced: { readonly epoch: number; readonly isOurs: boolean; readonly isMissed: boolean }
  readonly crashes: number
  readonly servingSinceMs: number
  /** No start before this time, after a crash. */
  readonly startAtMs: number
}

export type TenureEvent =
  | { readonly kind: 'assigned'; readonly isAssigned: boolean }
  | { readonly kind: 'held'; readonly epoch: number }
  | { readonly kind: 'lost' }
  /** The lease was given back, as far as that was possible. */
  | { readonly kind: 'released' }
  | { readonly kind: 'serving' }
  /** The catalog refused a flush or a start; `epochFloor` is the lease epoch that it has seen. */
  | { readonly kind: 'fenced'; readonly epochFloor: number }
  /** `unavailable`: it could not reach what it needs. */
  | { readonly kind: 'ended'; readonly why: 'stopped' | 'crashed' | 'unavailable' }
  | { readonly kind: 'announced'; readonly epoch: number; readonly isOurs: boolean; readonly isMissed: boolean }
  | { readonly kind: 'tick' }

export type TenureEffect =
  | { readonly kind: 'want'; readonly epochFloor: number }
  | { readonly kind: 'release' }
  | { readonly kind: 'start'; readonly epoch: number }
  | { readonly kind: 'stop' }
  | { readonly kind: 'announce'; readonly epoch: number }

export interface TenureStep {
  readonly state: TenureState
  readonly effects: ReadonlyArray<TenureEffect>
  /** When a `tick` is due; undefined: only another event changes anything. */
  readonly wakeAtMs: number | undefined
}

export const TENURE_START: TenureState = Object.freeze({
  isAssigned: false,
  lease: 'none',
  leaseEpoch: 0,
  epochFloor: 0,
  actor: 'none',
  actorEpoch: 0,
  isFenced: false,
  announced: Object.freeze({ epoch: 0, isOurs: false, isMissed: false }),
  crashes: 0,
  servingSinceMs: 0,
  startAtMs: 0,
})

const RESTART_MIN_MS = 100
const RESTART_MAX_MS = 5_000
/** An election ends some time, and nobody serves meanwhile. */
const RETRY_MS = 500
/** An actor that served for so long did not fail for what made it fail before. */
const SOUND_MS = 60_000

/** `jitter` in [0, 1) spreads restarts. */
export function tenureStep(state: TenureState, event: TenureEvent, nowMs: number, jitter: number): TenureStep {
  const effects: TenureEffect[] = []
  const next = act(take(state, event, nowMs, jitter), nowMs, effects)
  const waits = next.lease === 'held' && next.actor === 'none'
  return { state: next, effects, wakeAtMs: waits ? next.startAtMs : undefined }
}

/** What the event says. */
function take(state: TenureState, event: TenureEvent, nowMs: number, jitter: number): TenureState {
  switch (event.kind) {
    case 'assigned':
      return { ...state, isAssigned: event.isAssigned }
    case 'held':
      return state.lease === 'releasing' ? state : { ...state, lease: 'held', leaseEpoch: event.epoch }
    case 'lost':
      return state.lease === 'held' ? { ...state, lease: 'wanted' } : state
    case 'released':
      return { ...state, lease: 'none' }
    case 'serving':
      return state.actor === 'starting' ? { ...state, actor: 'serving', servingSinceMs: nowMs } : state
    case 'fenced':
      return { ...state, isFenced: state.actor !== 'none', epochFloor: Math.max(state.epochFloor, event.epochFloor) }
    case 'ended':
      return ended(state, event.why, nowMs, jitter)
    case 'announced':
      return { ...state, announced: { epoch: event.epoch, isOurs: event.isOurs, isMissed: event.isMissed } }
    case 'tick':
      return state
  }
}

function ended(state: TenureState, why: Extract<TenureEvent, { kind: 'ended' }>['why'], nowMs: number, jitter: number): TenureState {
  const gone: TenureState = { ...state, actor: 'none', isFenced: false }
  if (why === 'stopped') return { ...gone, crashes: 0, startAtMs: nowMs }
  if (why === 'unavailable') return { ...gone, startAtMs: nowMs + RETRY_MS * (0.5 + jitter / 2) }
  const wasSound = state.actor === 'serving' && nowMs - state.servingSinceMs >= SOUND_MS
  const crashes = wasSound ? 1 : state.crashes + 1
  return { ...gone, crashes, startAtMs: nowMs + Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** (crashes - 1)) * (0.5 + jitter / 2) }
}

/** What is to be done now. */
function act(state: TenureState, nowMs: number, effects: TenureEffect[]): TenureState {
  return actOnActor(actOnLease(state, effects), nowMs, effects)
}

function actOnLease(state: TenureState, effects: TenureEffect[]): TenureState {
  const { lease, leaseEpoch, isAssigned, epochFloor, announced } = state
  if (lease === 'none' && isAssigned) {
    effects.push({ kind: 'want', epochFloor: Math.max(epochFloor, announced.epoch) })
    return { ...state, lease: 'wanted' }
  }
  // A lease below what the catalog has seen (its bucket was lost, or this is a stale one) could never commit, and one below what was announced never be found by readers: another epoch is needed.
  const isUsedUp = lease === 'held' && (leaseEpoch <= epochFloor || (announced.isOurs ? leaseEpoch < announced.epoch : leaseEpoch <= announced.epoch))
  if ((lease === 'wanted' || lease === 'held') && (!isAssigned || isUsedUp)) {
    effects.push({ kind: 'release' })
    return { ...state, lease: 'releasing' }
  }
  return state
}

function actOnActor(state: TenureState, nowMs: number, effects: TenureEffect[]): TenureState {
  const { actor, lease, leaseEpoch, actorEpoch, announced } = state
  if (actor === 'none') {
    if (lease !== 'held' || nowMs < state.startAtMs) return state
    effects.push({ kind: 'start', epoch: leaseEpoch })
    return actOnActor({ ...state, actor: 'starting', actorEpoch: leaseEpoch, isFenced: false }, nowMs, effects)
  }
  if (actor === 'stopping') return state
  const isSucceeded = !announced.isOurs && announced.epoch > actorEpoch
  // Fenced, and entitled again: only a new start can take over.
  const mustRestart = state.isFenced && lease === 'held' && leaseEpoch > actorEpoch
  // Whoever has not begun to serve has nobody to serve until the next one does.
  const isPointless = actor === 'starting' && lease !== 'held' && !state.isAssigned
  if (isSucceeded || mustRestart || isPointless) {
    effects.push({ kind: 'stop' })
    return { ...state, actor: 'stopping' }
  }
  // Of a node that is gone nobody gets an answer: whoever asks had better wait here already.
  const isAnnounceable = actor === 'serving' || (actor === 'starting' && announced.isMissed)
  if (isAnnounceable && announced.epoch < actorEpoch) effects.push({ kind: 'announce', epoch: actorEpoch })
  return state
}
