/** Answers made in the answer thread are those made on the spot, whatever their form; long texts are refused in the same words. */
import { afterAll, describe, expect, it } from 'vitest'
import type { AnswerForm, AnswerTask } from '../../../actors/query/answer-tasks.ts'
import { inlineAnswers, makeThreadedAnswers, resultBytes, type AnswerWork } from '../../../actors/query/answer-work.ts'
import { encodePartial } from '../../../actors/segments/encoded-partial.ts'
import { LIMIT_DEFAULTS } from '../../../protocols/limits.ts'
import { evaluate } from '../../../protocols/logql/evaluate.ts'
import { mergePartials } from '../../../protocols/logql/merge.ts'
import { parse } from '../../../protocols/logql/parser.ts'
import { planQuery, type QueryPlan } from '../../../protocols/logql/plan.ts'
import { resultPieces } from '../../../protocols/logql/response.ts'
import type { ScanPlan } from '../../../protocols/logql/scan.ts'
import { MemoryBudget } from '../../../storage/memory-budget.ts'
import { blockOf } from '../../support/blocks.ts'
import { parametersOf, scanBlocks } from '../../support/execute-local.ts'
import { drawFrom, randomStreams, splitStreams } from '../../support/random-entries.ts'

const crashes: Error[] = []
const budget = new MemoryBudget(64 * 1024 * 1024)
const threaded = makeThreadedAnswers({ budget, heapMbMax: 256, onCrash: (error) => crashes.push(error) })
afterAll(async () => {
  await threaded.close()
  expect(crashes).toEqual([])
  expect(budget.usedBytes()).toBe(0)
})

const START_NS = 1_700_000_000_000_000_000n
const draw = drawFrom(11)
const shards = splitStreams(draw, randomStreams(draw, { startNs: START_NS, seconds: 600, streams: 60, rows: 120 }), 3).map((streams) => [blockOf(streams)])
const over = { startNs: START_NS, endNs: START_NS + 600_000_000_000n, stepNs: 1_000_000_000n, limit: 5000 }

const partialsOf = (scan: ScanPlan) => shards.map((blocks) => encodePartial(scanBlocks(scan, blocks)))
const showTask = (plan: QueryPlan, form: AnswerForm): AnswerTask<'show'> => {
  const partials = plan.scans.map(partialsOf)
  return { kind: 'show', plan, partials: partials.map((ofScan) => ofScan.map(({ bytes }) => bytes)), items: partials.flat().reduce((sum, { items }) => sum + items, 0), form }
}

async function textOf(work: AnswerWork, plan: QueryPlan, form: AnswerForm): Promise<string> {
  const shown = await work.run(showTask(plan, form))
  const pieces: Uint8Array[] = []
  for await (const piece of resultBytes(work, shown, new AbortController().signal)) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

const JSON_FORM: AnswerForm = { kind: 'json', categorizeLabels: false }

describe('answers from the thread', () => {
  it.each([
    ['{app=~".+"}', JSON_FORM],
    ['{app=~".+"} | logfmt', { kind: 'json', categorizeLabels: true }],
    ['{app=~".+"}', { kind: 'legacy' }],
    ['{app=~".+"}', { kind: 'fields', limit: 10 }],
    ['{app=~".+"}', { kind: 'values', name: 'v', limit: 1000 }],
    ['count_over_time({app=~".+"}[1m])', JSON_FORM],
    ['quantile_over_time(0.5, {app=~".+"} | unwrap v [1m]) by (pod)', JSON_FORM],
    ['label_replace(sum by (app) (rate({app=~".+"}[1m])), "x", "$1", "app", "app-(.*)") / on(app) group_left count by (app) (rate({app=~".+"}[2m]))', JSON_FORM],
    ['topk(3, sum by (pod) (count_over_time({app=~".+"}[1m]))) or vector(7)', JSON_FORM],
  ] as const)('%s (%o)', async (text, form: AnswerForm) => {
    const plan = planQuery(parse(text), parametersOf(over))
    const given = await textOf(threaded, plan, form)
    expect(given.length).toBeGreaterThan(2)
    expect(given).toBe(await textOf(inlineAnswers, plan, form))
    if (form.kind !== 'json') return
    const scans: ReadonlyArray<ScanPlan> = plan.scans
    const data = evaluate(plan, scans.map((scan) => mergePartials(scan, shards.map((blocks) => scanBlocks(scan, blocks)))))
    expect(given).toBe([...resultPieces(data, form.categorizeLabels)].join(''))
  })

  it('may be merged part by part before', async () => {
    const plan = planQuery(parse('{app=~".+"}'), parametersOf(over))
    const [scan] = plan.scans as readonly [ScanPlan]
    const [first, ...others] = partialsOf(scan)
    const merged = await threaded.run({ kind: 'merge', plan: scan, partials: others.map(({ bytes }) => bytes) })
    const shown = await threaded.run({ kind: 'show', plan, partials: [[first!.bytes, merged.bytes]], items: first!.items + merged.items, form: JSON_FORM })
    expect(shown.kind === 'pieces' && Buffer.concat([...shown.pieces]).toString()).toBe(await textOf(inlineAnswers, plan, JSON_FORM))
  })

  it('end when nobody wants them any more', async () => {
    const gone = new AbortController()
    const plan = planQuery(parse('count_over_time({app=~".+"}[1m])'), parametersOf(over))
    const answer = threaded.run(showTask(plan, JSON_FORM), gone.signal)
    gone.abort()
    await expect(answer).rejects.toMatchObject({ code: 'query_cancelled' })
  })
})

describe('texts', () => {
  const { limits: _limits, ...parameters } = parametersOf(over)
  const prepare = (work: AnswerWork, text: string) =>
    work.run({ kind: 'prepare', query: { text, parameters, limits: LIMIT_DEFAULTS, nowNs: START_NS, allowsWide: false, memoryBytesMax: 1 << 20 } }).then(
      (prepared) => prepared,
      (error: unknown) => String(error),
    )

  it.each([
    ['short', '{app="a"} |= "x"'],
    ['long', `{app="a"}${' |= "x"'.repeat(500)}`],
    ['long and broken', `{app="a"}${' |= "x"'.repeat(500)} |`],
    ['long and refused', `{${'app=~".*",'.repeat(300)}b=~".*"}`],
    ['of more matchers than a tenant may ask', `{${'app="a",'.repeat(2000)}b="c"}`],
  ])('that are %s are read alike by both', async (_what, text) => {
    expect(await prepare(threaded, text)).toEqual(await prepare(inlineAnswers, text))
  })
})
