/**
 * Which member should own which partition: a pure function, so that every node that sees the same members and owners finds the same placement.
 * Rendezvous hashing with exact quotas: pairs of (partition, member) are taken in order of their score while both have room, so loads differ
 * by at most one; present owners keep theirs up to their quota, so a change of members moves no more than it must. Sources: Thaler and Ravishankar, "Using name-based mappings to
 * increase hit rates" (1998); Mirrokni et al., "Consistent hashing with bounded loads" (2016).
 */

export interface RingMember {
  readonly id: string
  /** Members that fail together; empty: not said. */
  readonly zone: string
}

/** Who serves a partition: the owner first, then the standbys in the order in which they would take over. */
export type Placement = ReadonlyArray<ReadonlyArray<string>>

interface Candidate {
  readonly partition: number
  readonly member: number
  readonly score: number
}

export interface PlacementOptions {
  /** Further members for each partition, in other zones than the owner as far as there are any; default 0. */
  readonly standbys?: number
  /** Who owns each partition now, by index; absent or unknown to the members: nobody. */
  readonly owners?: ReadonlyArray<string | undefined>
}

/** Places partitions 0..count-1. With no members every partition's list is empty. */
export function placePartitions(count: number, members: ReadonlyArray<RingMember>, { standbys = 0, owners = [] }: PlacementOptions = {}): Placement {
  const sorted = members.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const candidates = candidatesOf(count, sorted)
  const chosen: number[][] = Array.from({ length: count }, () => [])
  for (let copy = 0; copy <= Math.min(standbys, sorted.length - 1); copy++) placeCopy(candidates, sorted, chosen, copy, owners)
  return chosen.map((indices) => indices.map((i) => (sorted[i] as RingMember).id))
}

/** Scores depend on ids alone, and owners change much more often than members: the last few orders are kept. */
const kept = new Map<string, ReadonlyArray<Candidate>>()
const KEPT_MAX = 4

function candidatesOf(count: number, members: ReadonlyArray<RingMember>): ReadonlyArray<Candidate> {
  const name = `${count} ${members.map(({ id }) => id).join(' ')}`
  const candidates = kept.get(name) ?? scoreAll(count, members)
  // Last used, last dropped.
  kept.delete(name)
  kept.set(name, candidates)
  if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value as string)
  return candidates
}

/** Highest scores first; ties by partition and member, so that the order is total. */
function scoreAll(count: number, members: ReadonlyArray<RingMember>): Candidate[] {
  const seeds = members.map(({ id }) => hashText(id))
  const candidates: Candidate[] = []
  for (let partition = 0; partition < count; partition++) {
    for (let member = 0; member < seeds.length; member++) candidates.push({ partition, member, score: mix((seeds[member] as number) ^ Math.imul(partition + 1, 0x9e3779b1)) })
  }
  return candidates.sort((a, b) => b.score - a.score || a.partition - b.partition || a.member - b.member)
}

/** One more member for each partition: first from zones it is not in yet, then from any. */
function placeCopy(candidates: ReadonlyArray<Candidate>, members: ReadonlyArray<RingMember>, chosen: number[][], copy: number, owners: ReadonlyArray<string | undefined>): void {
  const quota = new Quota(chosen.length, members.length)
  const zoneOf = (member: number): string => (members[member] as RingMember).zone
  const isNewZone = (has: ReadonlyArray<number>, member: number): boolean => zoneOf(member) === '' || has.every((other) => zoneOf(other) !== zoneOf(member))
  const isOwner = (_has: ReadonlyArray<number>, member: number, partition: number): boolean => owners[partition] === (members[member] as RingMember).id
  const pass = (mayTake: (has: ReadonlyArray<number>, member: number, partition: number) => boolean): void => {
    for (const { partition, member } of candidates) {
      const has = chosen[partition] as number[]
      if (has.length === copy && !has.includes(member) && mayTake(has, member, partition) && quota.take(member)) has.push(member)
    }
  }
  if (copy > 0) pass(isNewZone)
  else {
    pass(isOwner)
    pass(() => true)
  }
  // Another zone matters more than an even load, and any copy more than none.
  quota.lift()
  if (copy > 0) pass(isNewZone)
  pass(() => true)
}

/** Even shares: every member may have the floor, and as many one more as there is remainder. */
class Quota {
  readonly #loads: number[]
  readonly #floor: number
  #extras: number
  #isLifted = false

  constructor(partitions: number, members: number) {
    this.#loads = Array.from({ length: members }, () => 0)
    this.#floor = Math.floor(partitions / members)
    this.#extras = partitions % members
  }

  take(member: number): boolean {
    const load = this.#loads[member] as number
    if (!this.#isLifted && load > this.#floor) return false
    if (!this.#isLifted && load === this.#floor && this.#extras-- <= 0) return (this.#extras++, false)
    this.#loads[member] = load + 1
    return true
  }

  lift(): void {
    this.#isLifted = true
  }
}

/** FNV-1a over UTF-16 code units, then mixed: ids that differ in one digit must not have neighbouring scores. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash)
}

/** The 32-bit finaliser of MurmurHash3. */
function mix(value: number): number {
  let h = value ^ (value >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
