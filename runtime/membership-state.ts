/**
 * Who is alive, as a pure state machine: (state, event, now) -> state, and when to look again. A member is alive while its heartbeats arrive,
 * by the observer's own monotonic clock; wall clocks are never compared. A node that cannot write its own heartbeat is blind, one that does not hear it come
 * back by its watch is deaf: either judges nobody, and counts nobody's silence meanwhile.
 */

export interface Member {
  readonly id: string
  /** Where its actors are reached: the node's name in addresses. */
  readonly node: string
  readonly roles: ReadonlyArray<string>
  readonly zone: string
  /** A draining member is alive and hands over what it owns. */
  readonly state: 'active' | 'draining'
  /** Wall time of its start, for display only. */
  readonly startedMs: number
  /** How many partitions it is configured for: the largest counts. */
  readonly partitions?: number
  /** Grows with every process that takes this name: of two that live, the older one must end. */
  readonly generation?: number
}

/** The generation of a process that starts: above what was last heard of its name, and above what was forgotten (`nowMs`), as far as clocks agree. */
export function nextGeneration(before: Member | undefined, nowMs: number): number {
  return Math.max(nowMs, (before?.generation ?? 0) + 1)
}

/** Whether what was heard under one's own name comes from a process that took it later. */
export function isUsurper(heard: Member, self: Member): boolean {
  return heard.id === self.id && (heard.generation ?? 0) > (self.generation ?? 0)
}

interface Sighting {
  readonly member: Member
  readonly revision: number
  /** When its last heartbeat was seen. */
  readonly seenMs: number
}

export interface MembershipState {
  readonly sightings: ReadonlyMap<string, Sighting>
  readonly isBlind: boolean
}

export type MembershipEvent =
  | { readonly kind: 'seen'; readonly member: Member; readonly revision: number }
  | { readonly kind: 'gone'; readonly id: string }
  /** Our own heartbeat was written, or could not be. */
  | { readonly kind: 'beat'; readonly isWritten: boolean }
  | { readonly kind: 'tick' }

export interface MembershipStep {
  readonly state: MembershipState
  /** Whether the list of members, or what one says of itself, is different. */
  readonly isChanged: boolean
  readonly wakeAtMs: number | undefined
}

export interface MembershipTerms {
  readonly selfId: string
  /** A member unheard of for this long is dead. */
  readonly silentMsMax: number
}

/** How much of that time may pass without hearing oneself: less, so that it is noticed before others seem dead. */
const DEAF_SHARE = 0.75

export const MEMBERSHIP_START: MembershipState = Object.freeze({ sightings: new Map(), isBlind: false })

export function membershipStep(state: MembershipState, event: MembershipEvent, nowMs: number, terms: MembershipTerms): MembershipStep {
  const taken = take(state, event, nowMs, terms)
  const maySpeak = !taken.isBlind && hearsItself(taken, nowMs, terms)
  const next = maySpeak ? withoutSilent(taken, nowMs, terms.silentMsMax) : taken
  return { state: next, isChanged: !sameMembers(state, next), wakeAtMs: maySpeak ? wakeAt(next, terms.silentMsMax) : undefined }
}

export function membersOf(state: MembershipState): Member[] {
  return [...state.sightings.values()].map(({ member }) => member).sort((a, b) => (a.id < b.id ? -1 : 1))
}

function take(state: MembershipState, event: MembershipEvent, nowMs: number, terms: MembershipTerms): MembershipState {
  switch (event.kind) {
    case 'seen': {
      const wasDeaf = event.member.id === terms.selfId && !hearsItself(state, nowMs, terms)
      const deafMs = wasDeaf ? nowMs - (state.sightings.get(terms.selfId)?.seenMs ?? nowMs) : 0
      const before = later(state.sightings, deafMs, nowMs)
      return { ...state, sightings: before.set(event.member.id, { member: event.member, revision: event.revision, seenMs: nowMs }) }
    }
    case 'gone': {
      const sightings = new Map(state.sightings)
      sightings.delete(event.id)
      return { ...state, sightings }
    }
    case 'beat':
      return event.isWritten ? see(state, nowMs) : { ...state, isBlind: true }
    case 'tick':
      return state
  }
}

/** Back from blindness: everybody has a full time to be heard of again, since nothing could be heard meanwhile. */
function see(state: MembershipState, nowMs: number): MembershipState {
  if (!state.isBlind) return state
  return { isBlind: false, sightings: later(state.sightings, nowMs, nowMs) }
}

function hearsItself({ sightings }: MembershipState, nowMs: number, { selfId, silentMsMax }: MembershipTerms): boolean {
  const own = sightings.get(selfId)
  return own !== undefined && nowMs < own.seenMs + silentMsMax * DEAF_SHARE
}

/** As if everybody had been seen so much later, at most now. */
function later(sightings: ReadonlyMap<string, Sighting>, byMs: number, nowMs: number): Map<string, Sighting> {
  if (byMs === 0) return new Map(sightings)
  return new Map([...sightings].map(([id, sighting]) => [id, { ...sighting, seenMs: Math.min(nowMs, sighting.seenMs + byMs) }]))
}

function withoutSilent(state: MembershipState, nowMs: number, silentMsMax: number): MembershipState {
  const silent = [...state.sightings].filter(([, { seenMs }]) => nowMs >= seenMs + silentMsMax)
  if (silent.length === 0) return state
  const sightings = new Map(state.sightings)
  for (const [id] of silent) sightings.delete(id)
  return { ...state, sightings }
}

function wakeAt({ sightings }: MembershipState, silentMsMax: number): number | undefined {
  if (sightings.size === 0) return undefined
  return Math.min(...[...sightings.values()].map(({ seenMs }) => seenMs)) + silentMsMax
}

function sameMembers(a: MembershipState, b: MembershipState): boolean {
  if (a.sightings === b.sightings) return true
  if (a.sightings.size !== b.sightings.size) return false
  return [...a.sightings].every(([id, { member }]) => {
    const other = b.sightings.get(id)?.member
    return other !== undefined && (other === member || JSON.stringify(other) === JSON.stringify(member))
  })
}
