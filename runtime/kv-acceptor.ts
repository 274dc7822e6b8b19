/**
 * One of the several copies of a key in a majority bucket (`kv-majority.ts`): the acceptor of CASPaxos, pure, and its form as bytes. Source: Denis Rystsov, "CASPaxos: Replicated State
 * Machines without logs" (2018), with the next round's promise given along with each acceptance, so that whoever keeps writing a key needs one round.
 */

/** The value that was written under a ballot. Each ballot belongs to one writer and one value. */
export interface Accepted {
  /** 0: nothing was ever written. */
  readonly ballot: number
  /** null: there is none, or it was deleted. */
  readonly value: Buffer | null
}

export interface Acceptor {
  /** Writes under lower ballots are refused. */
  readonly promised: number
  readonly accepted: Accepted
}

export const NOTHING: Accepted = Object.freeze({ ballot: 0, value: null })
export const NEW_ACCEPTOR: Acceptor = Object.freeze({ promised: 0, accepted: NOTHING })

/** null: refused. A ballot is promised to one writer at most. */
export function promise(state: Acceptor, ballot: number): Acceptor | null {
  return ballot > state.promised ? { ...state, promised: ballot } : null
}

/** null: refused. The writer is promised the ballot after this one. Given twice, it is the same. */
export function accept(state: Acceptor, accepted: Accepted): Acceptor | null {
  if (state.accepted.ballot === accepted.ballot) return state
  return accepted.ballot >= state.promised ? { promised: accepted.ballot + 1, accepted } : null
}

/** The one that counts of those that a majority holds. */
export function newestOf(copies: Iterable<Accepted | undefined>): Accepted {
  let newest = NOTHING
  for (const copy of copies) if (copy !== undefined && copy.ballot > newest.ballot) newest = copy
  return newest
}

const BALLOT_BYTES = 6
const HEAD_BYTES = 1 + 2 * BALLOT_BYTES
const HAS_VALUE = 1

export function encodeAcceptor({ promised, accepted }: Acceptor): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt8(accepted.value === null ? 0 : HAS_VALUE, 0)
  head.writeUIntBE(promised, 1, BALLOT_BYTES)
  head.writeUIntBE(accepted.ballot, 1 + BALLOT_BYTES, BALLOT_BYTES)
  return accepted.value === null ? head : Buffer.concat([head, accepted.value])
}

/** What no node of this version wrote is nothing. */
export function decodeAcceptor(bytes: Buffer): Acceptor {
  if (bytes.length < HEAD_BYTES || bytes.readUInt8(0) > HAS_VALUE) return NEW_ACCEPTOR
  const value = bytes.readUInt8(0) === HAS_VALUE ? bytes.subarray(HEAD_BYTES) : null
  return { promised: bytes.readUIntBE(1, BALLOT_BYTES), accepted: { ballot: bytes.readUIntBE(1 + BALLOT_BYTES, BALLOT_BYTES), value } }
}
