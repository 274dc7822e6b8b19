import { describe, expect, it } from 'vitest'
import { narrowedParts, narrowing, NARROWED_TOGETHER } from '../../../actors/query/segment-narrowing.ts'
import { emptyPartial } from '../../../actors/segments/encoded-partial.ts'
import { emptyStatistics } from '../../../actors/segments/read-statistics.ts'
import type { SegmentWork } from '../../../actors/segments/segment-work.ts'
import { parse } from '../../../protocols/logql/parser.ts'
import { planQuery } from '../../../protocols/logql/plan.ts'
import type { ScanPlan } from '../../../protocols/logql/scan.ts'
import type { SegmentEntry } from '../../../storage/catalog.ts'
import { parametersOf } from '../../support/execute-local.ts'

const segment = (key: string): SegmentEntry => ({ key }) as SegmentEntry
const SEGMENTS = ['a', 'b', 'c', 'd'].map(segment)
const planOf = (text: string): ScanPlan => planQuery(parse(text), parametersOf({})).scans[0]!
const NOTHING = { partial: emptyPartial('log'), statistics: emptyStatistics(), warnings: [] }

/** Runs it where `small` are answered at once; says which segments were asked, taken and left. */
async function narrow(text: string, segments: ReadonlyArray<SegmentEntry>, small: ReadonlyArray<string>, known: ReadonlyArray<string> = []): Promise<{ asked: string[]; taken: string[]; left: string[] }> {
  const asked: string[] = []
  const taken: string[] = []
  const scanSmall: SegmentWork['scanSmall'] = async (_tenant, _plan, some) => {
    asked.push(...some.map(({ key }) => key))
    return some.map(({ key }) => ({ key, answer: small.includes(key) ? NOTHING : null })).toReversed()
  }
  const run = narrowing({
    work: { scanSmall } as SegmentWork, tenant: 't', plan: planOf(text), nowMs: 0, signal: new AbortController().signal, readBytesMax: undefined,
    isKnown: ({ key }) => known.includes(key),
    take: async ({ key }) => void taken.push(key),
  })
  return { left: (await run(segments)).map(({ key }) => key), asked, taken }
}

describe('narrowing', () => {
  it('takes the answers of segments with little to read, and leaves the others in their order', async () => {
    expect(await narrow('{a="b"} |= "id"', SEGMENTS, ['b', 'd'])).toEqual({ asked: ['a', 'b', 'c', 'd'], taken: ['b', 'd'], left: ['a', 'c'] })
  })

  it('does not ask about answers that are known', async () => {
    expect(await narrow('{a="b"} |= "id"', SEGMENTS, ['a', 'b'], ['a', 'c'])).toEqual({ asked: ['b', 'd'], taken: ['b'], left: ['a', 'c', 'd'] })
  })

  it('is not worth it for one segment, or where filters have nothing to say', async () => {
    const untouched = { asked: [], taken: [] }
    expect(await narrow('{a="b"} |= "id"', SEGMENTS, ['a'], ['b', 'c', 'd'])).toEqual({ ...untouched, left: ['a', 'b', 'c', 'd'] })
    for (const text of ['{a="b"}', '{a="b"} != "id"', '{a="b"} !~ "id"', '{a="b"} | json', '{a="b"} | json | id="x"', '{a="b"} | id!="x"']) expect(await narrow(text, SEGMENTS, ['a'])).toEqual({ ...untouched, left: ['a', 'b', 'c', 'd'] })
    for (const text of ['{a="b"} | json |~ "id"', '{a="b"} |> "<_>id"', '{a="b"} | id="x"']) expect((await narrow(text, SEGMENTS, ['a'])).taken).toEqual(['a'])
  })

  it('goes in parts', () => {
    expect(narrowedParts([])).toEqual([])
    expect(narrowedParts(Array.from({ length: NARROWED_TOGETHER + 1 }, (_, i) => segment(String(i)))).map(({ length }) => length)).toEqual([NARROWED_TOGETHER, 1])
  })
})
