/** A log query reads segments from its end of time, no more together than asked for, and none that cannot matter. */
import { describe, expect, it } from 'vitest'
import { scanInOrder } from '../../../actors/query/scan-order.ts'
import { type Narrow, NARROWED_TOGETHER } from '../../../actors/query/segment-narrowing.ts'
import type { Stage } from '../../../protocols/logql/ast.ts'
import type { LogScanPlan } from '../../../protocols/logql/scan.ts'
import type { SegmentEntry } from '../../../storage/catalog.ts'

const FILTER: Stage = { kind: 'lineFilter', op: '|=', terms: [{ ip: false, value: 'x' }] }
const planOf = (direction: 'forward' | 'backward', stages: ReadonlyArray<Stage>): LogScanPlan =>
  ({ kind: 'log', matchers: [], stages, startNs: '0', endNs: '1000', limit: 2, direction, intervalNs: '0' })
const segment = (minNs: number, maxNs: number): SegmentEntry => ({ key: `${minNs}-${maxNs}`, minNs: String(minNs), maxNs: String(maxNs) }) as SegmentEntry

/** Runs it over segments that hold what `found` says; answers which were read, and how many at the same time. */
async function read(plan: LogScanPlan, segments: ReadonlyArray<SegmentEntry>, found: Readonly<Record<string, ReadonlyArray<number>>>, atOnce: number, narrow: Narrow = async (all) => all): Promise<{ keys: string[]; together: number }> {
  const keys: string[] = []
  const times: number[] = []
  let running = 0
  let together = 0
  const bound = async (): Promise<bigint | null> => {
    const best = [...times].sort((a, b) => (plan.direction === 'backward' ? b - a : a - b))
    return best.length < plan.limit ? null : BigInt(best[plan.limit - 1]!)
  }
  const scanOne = async ({ key }: SegmentEntry): Promise<void> => {
    keys.push(key)
    together = Math.max(together, ++running)
    await Promise.resolve()
    times.push(...(found[key] ?? []))
    running--
  }
  await scanInOrder(plan, segments, { bound, narrow, scanOne, atOnce })
  return { keys, together }
}

const SEGMENTS = [segment(0, 9), segment(20, 29), segment(10, 19), segment(30, 39)]

describe('segments of a log query', () => {
  it('are read from the newest on, one at first, when every entry counts', async () => {
    expect(await read(planOf('backward', []), SEGMENTS, { '30-39': [38, 39] }, 2)).toEqual({ keys: ['30-39'], together: 1 })
    expect(await read(planOf('backward', []), SEGMENTS, { '30-39': [39], '20-29': [25, 28] }, 4)).toEqual({ keys: ['30-39', '20-29', '10-19'], together: 2 })
  })

  it('are read from the oldest on when the query goes forward', async () => {
    expect((await read(planOf('forward', []), SEGMENTS, { '0-9': [1], '10-19': [11] }, 1)).keys).toEqual(['0-9', '10-19'])
  })

  it('are all read when nothing is found, never more together than asked for', async () => {
    expect(await read(planOf('backward', [FILTER]), SEGMENTS, {}, 3)).toEqual({ keys: ['30-39', '20-29', '10-19', '0-9'], together: 3 })
  })

  it('that reach into the time of what was found are read too', async () => {
    const overlapping = [segment(0, 35), segment(30, 39), segment(0, 20)]
    expect((await read(planOf('backward', [FILTER]), overlapping, { '30-39': [30, 39] }, 1)).keys).toEqual(['30-39', '0-35'])
    // Entries of the very same time count too: which of them are shown must not depend on where they lie.
    expect((await read(planOf('backward', [FILTER]), [segment(0, 30), segment(30, 39)], { '30-39': [30, 39] }, 1)).keys).toEqual(['30-39', '0-30'])
    expect((await read(planOf('forward', [FILTER]), [segment(0, 9), segment(9, 20)], { '0-9': [1, 9] }, 1)).keys).toEqual(['0-9', '9-20'])
  })

  it('end with the failure of one', async () => {
    const no = (): Promise<never> => Promise.reject(new Error('no'))
    const parts = { bound: async () => null, narrow: async (all: ReadonlyArray<SegmentEntry>) => all, scanOne: async () => undefined, atOnce: 2 }
    await expect(scanInOrder(planOf('backward', [FILTER]), SEGMENTS, { ...parts, scanOne: no })).rejects.toThrow('no')
    await expect(scanInOrder(planOf('backward', [FILTER]), SEGMENTS, { ...parts, narrow: no })).rejects.toThrow('no')
  })

  it('are narrowed some at a time, and no more of them once no other can matter', async () => {
    const many = Array.from({ length: NARROWED_TOGETHER * 3 }, (_, i) => segment(i * 10, i * 10 + 9))
    const asked: number[] = []
    const narrow: Narrow = async (some) => {
      asked.push(some.length)
      return some.filter((_, i) => i % 8 === 7)
    }
    const all = await read(planOf('backward', [FILTER]), many, {}, 4, narrow)
    expect([all.keys.length, all.together, asked]).toEqual([12, 4, [32, 32, 32]])
    asked.length = 0
    const { keys } = await read(planOf('backward', [FILTER]), many, { '720-729': [725, 726] }, 2, narrow)
    expect([keys, asked]).toEqual([['880-889', '800-809', '720-729', '640-649'], [32]])
  })
})
