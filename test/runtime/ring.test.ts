/** Placement: even, stable under changes of members, spread over zones, the same on every node. */
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { placePartitions } from '../../runtime/ring.ts'
import type { Placement, RingMember } from '../../runtime/ring.ts'
import { withCpuMs } from '../support/cpu-time.ts'

const members = (count: number, prefix = 'node-', zones = 0): RingMember[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${prefix}${i + 1}`, zone: zones === 0 ? '' : `zone-${i % zones}` }))

function loads(placement: Placement, copy = 0): Map<string, number> {
  const loads = new Map<string, number>()
  for (const list of placement) loads.set(list[copy] as string, (loads.get(list[copy] as string) ?? 0) + 1)
  return loads
}

const ownersOf = (placement: Placement): Array<string | undefined> => placement.map(([owner]) => owner)

/** Partitions whose owner differs between two placements of the same count. */
const movedPartitions = (before: Placement, after: Placement): number[] =>
  after.flatMap((members, partition) => (members[0] === before[partition]?.[0] ? [] : [partition]))

const PARTITIONS = [16, 64, 256, 1000]
const PREFIXES = ['node-', 'skald-', '10.0.0.', 'x', 'a-rather-long-host-name-']

describe('placePartitions', () => {
  it.each([1, 2, 3, 4, 5, 7, 12, 100])('gives %i members equal shares, to within one', (count) => {
    for (const partitions of PARTITIONS) {
      const shares = [...loads(placePartitions(partitions, members(count))).values()]
      expect(Math.max(...shares)).toBeLessThanOrEqual(Math.ceil(partitions / count))
      if (partitions >= count) expect([shares.length, Math.min(...shares)]).toEqual([count, Math.floor(partitions / count)])
    }
  })

  it.each(PARTITIONS)('moves at most 1/5 + 5 %% of %i when a fifth member comes', (partitions) => {
    for (const prefix of PREFIXES) {
      const four = placePartitions(partitions, members(4, prefix))
      const five = placePartitions(partitions, members(5, prefix), { owners: ownersOf(four) })
      expect(movedPartitions(four, five).length).toBeLessThanOrEqual(partitions * 0.25)
      expect(Math.max(...loads(five).values())).toBeLessThanOrEqual(Math.ceil(partitions / 5))
    }
  })

  it.each(PARTITIONS)('moves of %i only what a dead member owned', (partitions) => {
    const five = placePartitions(partitions, members(5))
    const four = placePartitions(partitions, members(4), { owners: ownersOf(five) })
    expect(movedPartitions(five, four)).toEqual(five.flatMap(([owner], i) => (owner === 'node-5' ? [i] : [])))
  })

  it('stays even and moves no more than it must over random joins and deaths', () => {
    for (let seed = 0; seed < 30; seed++) {
      const random = new SeededRandom(seed)
      let alive = members(1 + random.below(8))
      let placement = placePartitions(64, alive)
      for (let i = 0; i < 20; i++) {
        const all = members(9)
        alive = all.filter((m) => (alive.some(({ id }) => id === m.id) ? random.below(6) > 0 : random.below(4) === 0))
        if (alive.length === 0) alive = [all[0] as RingMember]
        const next = placePartitions(64, alive, { owners: ownersOf(placement) })
        const [floor, extras] = [Math.floor(64 / alive.length), 64 % alive.length]
        const kept = alive.map(({ id }) => loads(placement).get(id) ?? 0)
        const keepable = kept.reduce((sum, load) => sum + Math.min(load, floor), 0) + Math.min(extras, kept.filter((load) => load > floor).length)
        expect(movedPartitions(placement, next).length).toBe(64 - keepable)
        expect(Math.max(...loads(next).values())).toBeLessThanOrEqual(floor + (extras > 0 ? 1 : 0))
        placement = next
      }
    }
  })

  it('reaches the same placement when the moves happen one by one', () => {
    const four = placePartitions(64, members(4))
    const target = placePartitions(64, members(5), { owners: ownersOf(four) })
    const owners = ownersOf(four)
    for (const partition of movedPartitions(four, target)) {
      owners[partition] = target[partition]?.[0]
      expect(placePartitions(64, members(5), { owners })).toEqual(target)
    }
  })

  it('moves all partitions of a dead member and few others, in a large cluster too', () => {
    const before = placePartitions(1000, members(20))
    const after = placePartitions(1000, members(20).filter(({ id }) => id !== 'node-7'))
    const moved = movedPartitions(before, after)
    expect(moved.length).toBeGreaterThanOrEqual(50)
    expect(moved.length).toBeLessThanOrEqual(100)
  })

  it('does not depend on the order in which members are known', () => {
    const random = new SeededRandom(9)
    const shuffled = members(9)
      .map((m) => ({ m, at: random.next() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ m }) => m)
    expect(placePartitions(64, shuffled, { standbys: 2 })).toEqual(placePartitions(64, members(9), { standbys: 2 }))
  })

  it('has empty lists without members, and fewer standbys than asked where there are not enough', () => {
    expect(placePartitions(3, [])).toEqual([[], [], []])
    expect(placePartitions(2, members(2), { standbys: 5 }).map((list) => list.length)).toEqual([2, 2])
  })

  it('puts standbys on other members, evenly, and in other zones', () => {
    for (const [count, zones] of [[6, 3], [9, 3], [5, 2], [4, 4]] as const) {
      const all = members(count, 'node-', zones)
      const zoneOf = new Map(all.map(({ id, zone }) => [id, zone]))
      const placement = placePartitions(240, all, { standbys: 1 })
      for (const [owner, standby] of placement) expect(zoneOf.get(standby as string)).not.toBe(zoneOf.get(owner as string))
      const shares = [...loads(placement, 1).values()]
      expect(Math.max(...shares)).toBeLessThanOrEqual((240 / count) * 1.6)
    }
  })

  it('uses one zone when there is but one', () => {
    const placement = placePartitions(64, members(3, 'node-', 1), { standbys: 1 })
    expect(placement.every(([owner, standby]) => standby !== undefined && standby !== owner)).toBe(true)
  })

  it('places 1,000 partitions on 100 members in well under a second', () => {
    expect(withCpuMs(() => placePartitions(1000, members(100), { standbys: 1 })).cpuMs).toBeLessThan(1000)
  })
})
