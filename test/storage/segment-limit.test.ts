import { describe, expect, it } from 'vitest'
import type { TenantId } from '../../protocols/model.ts'
import { encodeSegment } from '../../storage/segment-encode.ts'
import { limitBound } from '../../storage/segment-limit.ts'
import { blocksByTime, isBeyond } from '../../storage/segment-select.ts'
import { TestPartition } from '../support/cuts.ts'
import { seeded } from '../support/push-bodies.ts'
import { ALL, readerOf } from '../support/segments.ts'

const TENANT = 'acme' as TenantId
const T0 = 1_700_000_000_000_000_000n

/** Streams that are all active throughout, so that every block reaches to the end. */
async function busy(seed: number) {
  const random = seeded(seed)
  const partition = new TestPartition()
  const times: bigint[] = []
  for (let k = 0; k < 20; k++) {
    for (const app of ['a', 'b', 'c', 'd']) {
      const entries = Array.from({ length: 25 }, () => ({ ns: T0 + BigInt(k * 1000 + Math.floor(random() * 1000)) * 1_000_000n, line: Buffer.from(`line ${'x'.repeat(100)} ${random()}`) }))
      if (app !== 'd') times.push(...entries.map((e) => e.ns))
      partition.push(TENANT, [{ labels: `{app="${app}"}`, entries }])
    }
  }
  const reads: number[][] = []
  const reader = await readerOf(encodeSegment(partition.cut({ blockTargetBytes: 15_000 }), () => null), reads as Array<[number, number]>)
  return { reader, reads, times: times.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)) }
}

describe('limitBound', () => {
  it.each([1, 7, 100, 1499])('is the time of the last entry that is wanted (limit %i)', async (limit) => {
    const { reader, times } = await busy(limit)
    const accept = (labels: ReadonlyArray<readonly [string, string]>): boolean => labels[0]![1] !== 'd'
    const selection = (await reader.select(TENANT, accept, ALL))!
    expect(await limitBound(reader, selection, accept, { ...ALL, limit, direction: 'backward' })).toBe(times.at(-limit))
    expect(await limitBound(reader, selection, accept, { ...ALL, limit, direction: 'forward' })).toBe(times[limit - 1])
    const [minNs, maxNs] = [times[300]!, times[1200]!]
    const within = times.filter((ns) => ns >= minNs && ns <= maxNs)
    expect(await limitBound(reader, selection, accept, { minNs, maxNs, limit, direction: 'backward' })).toBe(within.at(-limit) ?? null)
  })

  it('reads times only, and leaves few blocks to read', async () => {
    const { reader, reads } = await busy(3)
    const all = (await reader.select(TENANT, () => true, ALL))!
    reads.length = 0
    const bound = await limitBound(reader, all, () => true, { ...ALL, limit: 5, direction: 'backward' })
    const read = reads.reduce((sum, [, length]) => sum + length!, 0)
    expect(read).toBeLessThan(all.stats.bytes / 5)
    const narrowed = (await reader.select(TENANT, () => true, { ...ALL, minNs: bound! }))!
    expect(narrowed.blocks.length).toBeLessThan(all.blocks.length)
  })

  it('is not there when the segment has fewer entries', async () => {
    const { reader } = await busy(1)
    const selection = (await reader.select(TENANT, () => true, ALL))!
    expect(await limitBound(reader, selection, () => true, { ...ALL, limit: 5000, direction: 'backward' })).toBeNull()
  })
})

describe('loading by time', () => {
  it('stops fetching when the scan wants no more', async () => {
    const { reader, reads } = await busy(2)
    const selection = (await reader.select(TENANT, () => true, ALL))!
    const blocks = blocksByTime(selection.blocks, 'backward')
    reads.length = 0
    let bound: bigint | null = null
    let seen = 0
    for await (const block of reader.load({ section: selection.section, blocks }, ['times', 'lines'], (facts) => !isBeyond(facts, bound, 'backward'))) {
      seen++
      bound = block.maxNs + 1n
    }
    expect(seen).toBe(1)
    expect(isBeyond(blocks.at(-1)!, null, 'backward')).toBe(false)
    expect(isBeyond(blocks[0]!, T0 - 1n, 'forward')).toBe(true)
  })
})
