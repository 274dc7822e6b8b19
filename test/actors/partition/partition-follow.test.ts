import { describe, expect, it } from 'vitest'
import { hole, PartitionFollow, type DecodedRecord } from '../../../actors/partition/partition-follow.ts'

const record = (sequence: number, bytes = 10): DecodedRecord => ({ sequence, recordId: `r${sequence}`, items: [], bytes })

function drain(follow: PartitionFollow): number[] {
  const taken: number[] = []
  for (let next = follow.take(); next !== null; next = follow.take()) taken.push(next.sequence)
  return taken
}

describe('PartitionFollow (W1: every record once, in sequence order)', () => {
  it('gives records in sequence order whatever order they come in', () => {
    const follow = new PartitionFollow(4, 1_000)
    for (const sequence of [7, 5, 6, 9]) follow.offer(record(sequence))
    expect(drain(follow)).toEqual([5, 6, 7])
    expect(follow.missingFrom()).toBe(8)
    follow.offer(record(8))
    expect(drain(follow)).toEqual([8, 9])
    expect(follow.missingFrom()).toBeNull()
  })

  it('ignores what is applied already and what is offered twice', () => {
    const follow = new PartitionFollow(4, 1_000)
    follow.offer(record(4))
    follow.offer(record(5))
    follow.offer(record(5))
    expect(drain(follow)).toEqual([5])
    follow.offer(record(5))
    expect(drain(follow)).toEqual([])
    expect(follow.bytes).toBe(0)
  })

  it('drops waiting records over its memory bound, but remembers that they exist', () => {
    const follow = new PartitionFollow(0, 25)
    for (const sequence of [2, 3, 4]) follow.offer(record(sequence))
    expect(follow.bytes).toBe(20)
    expect(follow.known).toBe(4)
    follow.offer(record(1, 1_000))
    expect(drain(follow)).toEqual([1, 2, 3])
    expect(follow.missingFrom()).toBe(4)
  })

  it('goes on behind purged sequences', () => {
    const follow = new PartitionFollow(0, 1_000)
    follow.offerRead(1, [hole(1, 6)])
    expect(drain(follow)).toEqual([1])
    expect(follow.applied).toBe(6)
    follow.offerRead(7, [record(9)])
    expect(drain(follow)).toEqual([7, 9])
    expect(follow.missingFrom()).toBeNull()
  })

  it('applies all that a read gave even if its taker pauses in between', () => {
    const follow = new PartitionFollow(0, 15)
    follow.offerRead(1, [record(1), record(2), record(3)])
    expect(follow.take()?.sequence).toBe(1)
    follow.offerRead(2, [record(2), record(3), record(4)])
    expect(drain(follow)).toEqual([2, 3, 4])
  })

  it('knows of records by hearsay', () => {
    const follow = new PartitionFollow(2, 1_000)
    expect(follow.missingFrom()).toBeNull()
    follow.heard(5)
    follow.heard(3)
    expect(follow.missingFrom()).toBe(3)
  })

  it('gives each of many shuffled records exactly once, with duplicates and drops', () => {
    for (let seed = 1; seed <= 50; seed++) {
      let state = seed
      const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
      const follow = new PartitionFollow(0, 60)
      const taken: number[] = []
      const log = Array.from({ length: 100 }, (_, i) => record(i + 1))
      while (taken.length < log.length) {
        const missing = follow.missingFrom()
        if (missing !== null && random() < 0.3) follow.offerRead(missing, log.slice(missing - 1, missing + 3))
        else follow.offer(log[Math.floor(random() * log.length)]!)
        // The taker may pause at any moment.
        for (let next = follow.take(); next !== null; next = random() < 0.8 ? follow.take() : null) taken.push(next.sequence)
      }
      expect(taken).toEqual(log.map((r) => r.sequence))
    }
  })
})
