/** Where a stream goes must be the same on every node, for ever, and even over partitions. */
import { describe, expect, it } from 'vitest'
import type { TenantId } from '../../protocols/model.ts'
import { hashText, partitionOf } from '../../protocols/routing.ts'

const tenant = 'acme' as TenantId
const labels = (i: number): string => `{app="api", host="h${i}"}`

describe('partitionOf', () => {
  it('holds still: these are the stored streams of existing installations', () => {
    expect([0, 1, 2, 3, 4, 5].map((i) => partitionOf(tenant, labels(i), 16))).toEqual([11, 9, 12, 2, 0, 9])
    expect(hashText('{app="api"}')).toEqual({ high: 1874830259, low: 435533300 })
    expect(hashText('{app="ä→😀"}')).toEqual({ high: 2470534554, low: 49443811 })
  })

  it('spreads streams evenly, also those that differ in one digit', () => {
    for (const partitions of [2, 8, 32]) {
      const counts = new Array<number>(partitions).fill(0)
      for (let i = 0; i < 20_000; i++) counts[partitionOf(tenant, labels(i), partitions)]!++
      const even = 20_000 / partitions
      for (const count of counts) expect(Math.abs(count - even)).toBeLessThan(even * 0.2)
    }
  })

  it('spreads tenants that have one stream each', () => {
    const used = new Set(Array.from({ length: 200 }, (_, i) => partitionOf(`t${i}` as TenantId, '{a="b"}', 16)))
    expect(used.size).toBe(16)
  })

  it('moves only the streams that a new partition takes', () => {
    let moved = 0
    for (let i = 0; i < 10_000; i++) {
      const before = partitionOf(tenant, labels(i), 8)
      const after = partitionOf(tenant, labels(i), 9)
      if (before !== after) {
        moved++
        expect(after).toBe(8)
      }
    }
    expect(moved / 10_000).toBeCloseTo(1 / 9, 1)
  })

  it('has only partition 0 where there is one', () => {
    expect(partitionOf(tenant, labels(1), 1)).toBe(0)
  })
})
