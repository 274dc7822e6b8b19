/** The front end over scans that a test ends by hand: equal queries run once, but never for two tenants; strict ones fail rather than miss a part (Q3). */
import { expect, it } from 'vitest'
import { inlineAnswers } from '../../../actors/query/answer-work.ts'
import { FairQueue } from '../../../actors/query/fair-queue.ts'
import type { Querier, ScanRequest } from '../../../actors/query/querier.ts'
import { makeQueryFrontEnd, type QueryAnswer, type QueryRequest } from '../../../actors/query/query-front-end.ts'
import { makeNodeMetrics } from '../../../actors/node-metrics.ts'
import { encodePartial } from '../../../actors/segments/encoded-partial.ts'
import { emptyStatistics } from '../../../actors/segments/read-statistics.ts'
import type { Services } from '../../../actors/services.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'
import { createMetrics } from '../../../runtime/metrics.ts'
import { LIMIT_DEFAULTS } from '../../../protocols/limits.ts'
import type { TenantId } from '../../../protocols/model.ts'
import { MemoryBudget } from '../../../storage/memory-budget.ts'

const RUNNING_MAX = 8

function setup(warnings: ReadonlyArray<string> = []) {
  const clock = new ManualClock()
  const scans: ScanRequest[] = []
  const go = Promise.withResolvers<void>()
  const querier = {
    async scan(request: ScanRequest) {
      scans.push(request)
      await go.promise
      const entries = [{ ns: '5', line: `of ${request.tenant}`, stream: 0, identity: '' }]
      const stats = { linesProcessed: 1, bytesProcessed: 1, metadataBytesProcessed: 0, linesPassed: 1 }
      return { partials: [encodePartial({ kind: 'log', streams: [{ stream: [['a', 'b']], metadata: [], parsed: [] }], entries, stats })], statistics: emptyStatistics(), warnings }
    },
    series: async () => ({ parts: [], warnings: [] }),
  } as unknown as Querier
  const services = {
    clock,
    budget: new MemoryBudget(1 << 30),
    metrics: makeNodeMetrics(createMetrics()),
    limitsOf: () => LIMIT_DEFAULTS,
    partitionCount: () => 1,
    catalog: { current: () => ({ partition: 0, epoch: 1, checkpoint: 0, segments: [] }) },
    settings: { matchAllBytesMax: 0, queryMemoryBytesMax: 1 << 20, strict: false },
  } as unknown as Services
  const queue = (): FairQueue => new FairQueue(clock, RUNNING_MAX, RUNNING_MAX)
  const frontEnd = makeQueryFrontEnd({ services, querier, answers: inlineAnswers, queue: queue(), express: queue() })
  const ask = (over: Partial<QueryRequest> = {}): Promise<QueryAnswer> =>
    frontEnd.query({
      tenant: 't' as TenantId,
      text: '{a="b"}',
      parameters: { kind: 'range', startNs: 0n, endNs: 1_000n, stepNs: 1_000_000_000n, intervalNs: 0n, limit: 10, direction: 'backward' },
      form: { kind: 'json', categorizeLabels: false },
      signal: new AbortController().signal,
      ...over,
    })
  const textOf = async (answer: Promise<QueryAnswer>): Promise<string> => {
    let text = ''
    for await (const piece of frontEnd.bytes(await answer, new AbortController().signal)) text += Buffer.from(piece).toString()
    return text
  }
  return { scans, ask, textOf, end: () => go.resolve() }
}

it('runs equal queries of one tenant once, and those of another tenant on their own', async () => {
  const { scans, ask, textOf, end } = setup()
  const answers = [ask(), ask(), ask({ tenant: 'other' as TenantId })].map(textOf)
  await expect.poll(() => scans.length).toBe(2)
  end()
  const [first, second, other] = await Promise.all(answers)
  expect(scans.map(({ tenant }) => tenant).toSorted()).toEqual(['other', 't'])
  expect(second).toBe(first)
  expect([first, other]).toEqual([expect.stringContaining('"of t"'), expect.stringContaining('"of other"')])
})

it('runs a query anew for who wants nothing kept, beside an equal one', async () => {
  const { scans, ask, end } = setup()
  const answers = [ask(), ask({ uncached: true })]
  await expect.poll(() => scans.length).toBe(2)
  end()
  await Promise.all(answers)
  expect(scans.map(({ cached }) => cached).toSorted()).toEqual([false, true])
})

it('answers with a warning, and fails a strict query for it (Q3)', async () => {
  const { ask, end } = setup(['partition 0 is missing'])
  end()
  expect((await ask()).warnings).toEqual(['partition 0 is missing'])
  await expect(ask({ strict: true })).rejects.toMatchObject({ code: 'partial_answer', status: 503, message: expect.stringContaining('partition 0 is missing') as string })
})
