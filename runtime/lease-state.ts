/**
 * The life of one lease as a pure, total state machine: (state, event, now) -> state, effects. `lease.ts` drives it over a KV bucket. Times are
 * the node's own monotonic clock: the wall clocks of two machines are never compared. What the rules are and why they are safe:
 *
 * - Every write is a compare-and-set on the revision last known, so at most one of several claimants wins; each claim raises the epoch.
 * - A holder counts its lease from *before* it sent the write, and lets go a tenth early; an observer counts from when it *saw* the write.
 *   So an observer's time runs out later, unless a clock runs 10 % too fast. If it does anyway, or a holder slept: the epoch fences it (F3).
 */

export interface LeaseRecord {
  /** Empty: nobody's, free to take. */
  readonly holder: string
  /** Grows with every claim. */
  readonly epoch: number
  /** How long others must have seen no renewal before they take it. */
  readonly ttlMs: number
}

interface Seen {
  /** 0: there is no record. */
  readonly revision: number
  readonly record: LeaseRecord | null
  /** Counted from when this revision was first seen: when it may be claimed, if nothing newer is seen by then. */
  readonly claimableAtMs: number
}

interface Held {
  readonly epoch: number
  readonly revision: number
  readonly renewAtMs: number
  readonly validUntilMs: number
}

type Write = 'claim' | 'renew' | 'release'

export interface LeaseState {
  readonly isWanted: boolean
  readonly seen: Seen | undefined
  readonly held: Held | undefined
  /** The write that is on its way. */
  readonly writing: { readonly what: Write; readonly record: LeaseRecord; readonly revision: number; readonly sentMs: number } | undefined
  /** A read is on its way, after a write over this revision did not succeed; nothing is written before its outcome. */
  readonly reading: { readonly over: number } | undefined
  readonly retryAtMs: number
  /** Highest epoch this node has known; survives a wiped bucket. */
  readonly epochFloor: number
  /** Of the last record that this process has tried to write; 0: none. */
  readonly triedEpoch: number
}

export type LostReason = 'released' | 'expired' | 'taken' | 'gone'

export type LeaseEvent =
  /** `epochFloor`: an epoch that the next claim must exceed, known from elsewhere. */
  | { readonly kind: 'want'; readonly epochFloor: number }
  | { readonly kind: 'unwant' }
  /** From the watch or a read; no record: revision 0. `seenMs`: when this revision was first seen, if not now. */
  | { readonly kind: 'seen'; readonly revision: number; readonly record: LeaseRecord | null; readonly seenMs?: number }
  | { readonly kind: 'wrote'; readonly revision: number }
  /** The compare-and-set lost. */
  | { readonly kind: 'outrun' }
  /** The write failed: it may or may not have happened. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'read_failed' }
  | { readonly kind: 'tick' }

export type LeaseEffect =
  | { readonly kind: 'write'; readonly record: LeaseRecord; readonly revision: number }
  | { readonly kind: 'read' }
  | { readonly kind: 'held'; readonly epoch: number }
  | { readonly kind: 'lost'; readonly epoch: number; readonly reason: LostReason }

export interface LeaseTerms {
  readonly holder: string
  readonly ttlMs: number
}

export interface LeaseStep {
  readonly state: LeaseState
  readonly effects: ReadonlyArray<LeaseEffect>
  /** When a `tick` is due, by the same clock; undefined: only another event changes anything. */
  readonly wakeAtMs: number | undefined
}

export const LEASE_START: LeaseState = Object.freeze({ isWanted: false, seen: undefined, held: undefined, writing: undefined, reading: undefined, retryAtMs: 0, epochFloor: 0, triedEpoch: 0 })

const HELD_SHARE = 0.9
const RETRY_SHARE = 1 / 20

/** `jitter` in [0, 1) spreads renewals and takeovers. */
export function leaseStep(state: LeaseState, event: LeaseEvent, nowMs: number, terms: LeaseTerms, jitter: number): LeaseStep {
  const effects: LeaseEffect[] = []
  const taken = take(state, event, nowMs, terms, jitter, effects)
  const next = act(taken, nowMs, terms, effects)
  return { state: next, effects, wakeAtMs: wakeAt(next) }
}

/** Whether the lease may be relied on at this moment. */
export function holdsAt(state: LeaseState, nowMs: number): boolean {
  return state.held !== undefined && nowMs < state.held.validUntilMs
}

/** What the event says. */
function take(state: LeaseState, event: LeaseEvent, nowMs: number, terms: LeaseTerms, jitter: number, effects: LeaseEffect[]): LeaseState {
  switch (event.kind) {
    case 'want':
      return { ...state, isWanted: true, epochFloor: Math.max(state.epochFloor, event.epochFloor) }
    case 'unwant':
      return { ...state, isWanted: false }
    case 'seen':
      return see(state, event, nowMs, terms, jitter, effects)
    case 'wrote':
      return wrote(state, event.revision, nowMs, terms, jitter, effects)
    case 'outrun':
    case 'failed':
      effects.push({ kind: 'read' })
      return { ...state, writing: undefined, reading: { over: state.writing?.revision ?? 0 } }
    case 'read_failed':
      return { ...state, reading: undefined, retryAtMs: nowMs + retryPauseMs(terms, jitter) }
    case 'tick':
      return state
  }
}

function see(state: LeaseState, { revision, record, seenMs }: Extract<LeaseEvent, { kind: 'seen' }>, nowMs: number, terms: LeaseTerms, jitter: number, effects: LeaseEffect[]): LeaseState {
  const seen = state.seen?.revision === revision ? state.seen : seenAt(state, seenMs ?? nowMs, revision, record ?? ghostOf(state.seen), terms, jitter)
  // A read that shows what was known already, though a write has just lost against something newer, came from a replica that lags.
  const lags = state.reading?.over === revision
  const retryAtMs = lags ? nowMs + retryPauseMs(terms, jitter) : state.retryAtMs
  const next = { ...state, seen, reading: undefined, retryAtMs, epochFloor: Math.max(state.epochFloor, record?.epoch ?? 0) }
  const { held } = state
  if (held === undefined || (record !== null && revision <= held.revision)) return next
  if (record === null) return lose(next, 'gone', effects)
  if (record.holder !== terms.holder || record.epoch !== held.epoch) return lose(next, 'taken', effects)
  // Our own renewal, whose answer was lost or is still to come: the lease is as old as it was.
  return { ...next, held: { ...held, revision } }
}

function wrote(state: LeaseState, revision: number, nowMs: number, terms: LeaseTerms, jitter: number, effects: LeaseEffect[]): LeaseState {
  const { writing } = state
  if (writing === undefined) return state
  const { what, record, sentMs } = writing
  const seen = seenAt(state, nowMs, revision, record, terms, jitter)
  const next: LeaseState = { ...state, writing: undefined, seen, epochFloor: Math.max(state.epochFloor, record.epoch) }
  if (what === 'release') return next
  const held: Held = {
    epoch: record.epoch,
    revision,
    renewAtMs: sentMs + (terms.ttlMs / 3) * (0.8 + 0.4 * jitter),
    validUntilMs: sentMs + terms.ttlMs * HELD_SHARE,
  }
  // Lost while the renewal was under way: it is somebody's claim again, under a new epoch.
  if (what === 'renew' && state.held === undefined) return next
  if (nowMs >= held.validUntilMs) return next
  if (what === 'claim') effects.push({ kind: 'held', epoch: record.epoch })
  return { ...next, held }
}

/** What is to be done now. */
function act(state: LeaseState, nowMs: number, terms: LeaseTerms, effects: LeaseEffect[]): LeaseState {
  if (state.held !== undefined && nowMs >= state.held.validUntilMs) return act(lose(state, 'expired', effects), nowMs, terms, effects)
  const { held, seen } = state
  if (state.writing !== undefined || state.reading !== undefined || nowMs < state.retryAtMs) return state
  if (held !== undefined && !state.isWanted) {
    const released = lose(state, 'released', effects)
    return write(released, 'release', { holder: '', epoch: held.epoch, ttlMs: terms.ttlMs }, held.revision, nowMs, effects)
  }
  if (held !== undefined) return nowMs < held.renewAtMs ? state : write(state, 'renew', recordOf(terms, held.epoch), held.revision, nowMs, effects)
  if (!state.isWanted || seen === undefined || nowMs < seen.claimableAtMs) return state
  return write(state, 'claim', recordOf(terms, state.epochFloor + 1), seen.revision, nowMs, effects)
}

function wakeAt(state: LeaseState): number | undefined {
  const { held, seen, retryAtMs, isWanted } = state
  const isWaiting = state.writing !== undefined || state.reading !== undefined
  if (held !== undefined) return isWaiting ? held.validUntilMs : Math.min(Math.max(held.renewAtMs, retryAtMs), held.validUntilMs)
  if (isWaiting || !isWanted || seen === undefined) return undefined
  return Math.max(seen.claimableAtMs, retryAtMs)
}

/**
 * Claimable at once when it is nobody's, or our own: of this process, or from before a restart. Else after its holder has been silent for its time; also when that is
 * another process of our name, or the two would take it from each other as fast as they can.
 */
function seenAt({ seen, triedEpoch }: LeaseState, nowMs: number, revision: number, record: LeaseRecord | null, terms: LeaseTerms, jitter: number): Seen {
  const isOurs = record?.holder === terms.holder && (seen === undefined || record.epoch === triedEpoch)
  const isFree = record === null || record.holder === '' || isOurs
  return { revision, record, claimableAtMs: isFree ? nowMs : nowMs + record.ttlMs * (1 + jitter * RETRY_SHARE) }
}

/** A record that vanished (the bucket was wiped) left a holder behind, who may not know yet: its time is waited for all the same. */
function ghostOf(seen: Seen | undefined): LeaseRecord | null {
  return seen?.record ?? null
}

function write(state: LeaseState, what: Write, record: LeaseRecord, revision: number, nowMs: number, effects: LeaseEffect[]): LeaseState {
  effects.push({ kind: 'write', record, revision })
  return { ...state, triedEpoch: record.epoch, writing: { what, record, revision, sentMs: nowMs } }
}

function lose(state: LeaseState, reason: LostReason, effects: LeaseEffect[]): LeaseState {
  if (state.held !== undefined) effects.push({ kind: 'lost', epoch: state.held.epoch, reason })
  return { ...state, held: undefined }
}

function retryPauseMs(terms: LeaseTerms, jitter: number): number {
  return terms.ttlMs * RETRY_SHARE * (1 + jitter)
}

function recordOf({ holder, ttlMs }: LeaseTerms, epoch: number): LeaseRecord {
  return { holder, epoch, ttlMs }
}
