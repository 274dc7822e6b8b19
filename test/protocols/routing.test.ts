/** Where a stream goes must be the same on every node, for ever, and even over partitions. */
import { describe, expect, it } from 'vitest'
import type { TenantId } from '../../protocols/model.ts'
import { hashText, partitionInShard, partitionOf, tenantShard } from '../../protocols/routing.ts'

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

describe('a tenant\'s shard', () => {
  const PARTITIONS = 64
  const SIZE = 4
  const tenants = Array.from({ length: 400 }, (_, i) => `tenant-${i}` as TenantId)

  it('holds still: these are the partitions of existing tenants', () => {
    expect(tenantShard(tenant, 16, 3)).toEqual([0,12,15])
    expect([0, 1, 2, 3].map((i) => partitionInShard(tenant, labels(i), tenantShard(tenant, 16, 3)))).toEqual([12, 15, 15, 15])
  })

  it('is all partitions unless it is smaller', () => {
    for (const size of [0, 3, 5]) expect(tenantShard(tenant, 3, size)).toEqual([0, 1, 2])
  })

  it('loads partitions evenly over many tenants, and is seldom another tenant\'s', () => {
    const counts = new Array<number>(PARTITIONS).fill(0)
    const shards = tenants.map((name) => tenantShard(name, PARTITIONS, SIZE))
    for (const shard of shards) for (const partition of shard) counts[partition]!++
    const even = (tenants.length * SIZE) / PARTITIONS
    for (const count of counts) expect(Math.abs(count - even)).toBeLessThan(even * 0.7)
    expect(new Set(shards.map((shard) => shard.toSorted((a, b) => a - b).join())).size).toBeGreaterThan(tenants.length * 0.99)
  })

  it('spreads a tenant\'s streams evenly over it', () => {
    const shard = tenantShard(tenant, PARTITIONS, SIZE)
    const counts = new Map<number, number>()
    for (let i = 0; i < 8_000; i++) {
      const partition = partitionInShard(tenant, labels(i), shard)
      counts.set(partition, (counts.get(partition) ?? 0) + 1)
    }
    expect([...counts.keys()].toSorted((a, b) => a - b)).toEqual(shard.toSorted((a, b) => a - b))
    for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(200)
  })

  it('changes by at most one partition for each that is added, and moves only what goes there', () => {
    for (const name of tenants.slice(0, 100)) {
      const before = tenantShard(name, PARTITIONS, SIZE)
      const after = tenantShard(name, PARTITIONS + 1, SIZE)
      const added = after.filter((partition) => !before.includes(partition))
      expect(added.length).toBeLessThanOrEqual(1)
      for (let i = 0; i < 50; i++) {
        const [was, is] = [partitionInShard(name, labels(i), before), partitionInShard(name, labels(i), after)]
        if (was !== is) expect(added.includes(is) || !after.includes(was)).toBe(true)
      }
    }
  })
})
