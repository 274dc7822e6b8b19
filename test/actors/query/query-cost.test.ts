import { describe, expect, it } from 'vitest'
import { checkCost } from '../../../actors/query/query-cost.ts'
import type { Querier } from '../../../actors/query/querier.ts'
import type { Services } from '../../../actors/services.ts'
import { LIMIT_DEFAULTS, type Limits } from '../../../protocols/limits.ts'
import { parseLogQuery } from '../../../protocols/logql/parser.ts'
import type { LogScanPlan } from '../../../protocols/logql/scan.ts'
import type { SegmentEntry } from '../../../storage/catalog.ts'
import { MemoryBudget } from '../../../storage/memory-budget.ts'

const segment = (minNs: number, maxNs: number, rawBytes: number, tenants: string[] | null = ['t']): SegmentEntry => ({
  key: `s/${minNs}`, partition: 0, first: 1, last: 2, sizeBytes: 1, footerBytes: 1, minNs: String(minNs), maxNs: String(maxNs), rowCount: 1, rawBytes, appliedIdCount: 0, tenants,
})

/** A catalog of these segments, and an index in which the matching streams have `streamBytes` within 0..100. */
function setup(segments: ReadonlyArray<SegmentEntry>, streamBytes: number) {
  let footersRead = 0
  const services = {
    catalog: { current: () => ({ partition: 0, epoch: 1, checkpoint: 2, segments }) },
    partitionCount: () => 1,
    budget: new MemoryBudget(1 << 30),
  } as unknown as Services
  const querier = {
    series: () => {
      footersRead++
      return Promise.resolve({ warnings: [], parts: [{ bytes: new Uint8Array(), count: 1, lineBytes: streamBytes }] })
    },
  } as unknown as Querier
  const { matchers, stages } = parseLogQuery('{a="b"}')
  const plan: LogScanPlan = { kind: 'log', matchers, stages, startNs: '0', endNs: '101', limit: 1, direction: 'backward', intervalNs: '0' }
  const check = (limits: Partial<Limits>): Promise<void> =>
    checkCost(services, querier, { tenant: 't', scans: [plan], signal: new AbortController().signal }, { ...LIMIT_DEFAULTS, ...limits })
  return { check, footersRead: () => footersRead }
}

describe('the cost of a query', () => {
  it('is not worked out while the catalog shows that it is low', async () => {
    const { check, footersRead } = setup([segment(0, 50, 900), segment(500, 600, 1e12), segment(0, 50, 1e12, ['other'])], 1e12)
    await check({ max_query_bytes_read: 1_000 })
    expect(footersRead()).toBe(0)
  })

  it('is exact where the catalog’s bound is not enough', async () => {
    const { check, footersRead } = setup([segment(0, 50, 5_000)], 800)
    await check({ max_query_bytes_read: 1_000 })
    expect(footersRead()).toBe(1)
  })

  it('beyond the limits is refused in Loki’s words', async () => {
    const { check } = setup([segment(0, 50, 5_000)], 5_000)
    await expect(check({ max_query_bytes_read: 1_000 })).rejects.toMatchObject({
      code: 'query_limit',
      message: 'the query would read too many bytes (query: 5.0 kB, limit: 1.0 kB); consider adding more specific stream selectors or reduce the time range of the query',
    })
    await expect(check({ max_querier_bytes_read: 1_000 })).rejects.toMatchObject({ message: expect.stringMatching(/^query too large to execute on a single querier: \(query: 5\.0 kB, limit: 1\.0 kB\); /) })
    await check({ max_query_bytes_read: 0, max_querier_bytes_read: 0 })
  })
})
