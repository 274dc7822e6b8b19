/** What a thread makes of many segments at once, of which filters leave little to read. */
import { beforeAll, describe, expect, it } from 'vitest'
import { decodePartial } from '../../../actors/segments/encoded-partial.ts'
import { SegmentReads } from '../../../actors/segments/segment-reads.ts'
import { SegmentTasks } from '../../../actors/segments/segment-tasks.ts'
import type { SmallScan } from '../../../actors/segments/segment-work.ts'
import { parse } from '../../../protocols/logql/parser.ts'
import { planQuery } from '../../../protocols/logql/plan.ts'
import type { ScanPlan } from '../../../protocols/logql/scan.ts'
import type { TenantId } from '../../../protocols/model.ts'
import type { SegmentEntry } from '../../../storage/catalog.ts'
import { MemoryObjectStore } from '../../../storage/object-store-memory.ts'
import { SegmentCache } from '../../../storage/segment-cache.ts'
import { encodeSegment } from '../../../storage/segment-encode.ts'
import { SharedLedger } from '../../../storage/shared-ledger.ts'
import { TestPartition } from '../../support/cuts.ts'
import { parametersOf } from '../../support/execute-local.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'
import { seeded } from '../../support/push-bodies.ts'

const TENANT = 'acme' as TenantId
const T0 = 1_700_000_000_000_000_000n
const NOW_MS = 0
const SIGNAL = { check: () => undefined, turn: async () => undefined }
const ROWS = 4000

/** A line that does not compress, with a word that all have and, in one, an id. */
function lines(random: () => number, id: string): string[] {
  return Array.from({ length: ROWS }, (_, i) => `needle ${Array.from({ length: 100 }, () => String.fromCharCode(33 + Math.floor(random() * 90))).join('')}${i === 1234 ? ` ${id}` : ''}`)
}

function planOf(text: string): ScanPlan {
  return planQuery(parse(text), parametersOf({ startNs: T0, endNs: T0 + 10_000_000_000n, stepNs: 1_000_000_000n })).scans[0]!
}

describe('a scan of many segments', () => {
  const store = new MemoryObjectStore(new ManualClock())
  const ledger = new SharedLedger()
  ledger.limitBytes = 1 << 20
  const tasks = new SegmentTasks(new SegmentReads(store, new SegmentCache({ ledger, keepsRanges: false })), store)
  const entries: SegmentEntry[] = []

  beforeAll(async () => {
    const random = seeded(5)
    for (const [number, id] of ['4bf92f3577b34da6', '00f067aa0ba902b7', 'a3ce929d0e0e4736'].entries()) {
      const partition = new TestPartition()
      partition.push(TENANT, [{ labels: '{app="a"}', entries: lines(random, id).map((line, i) => ({ ns: T0 + BigInt(i) * 1_000_000n, line: Buffer.from(line), metadata: [] })) }])
      const { entry, bytes } = encodeSegment(partition.cut({ first: number + 1, last: number + 1, blockTargetBytes: 50_000 }), () => null)
      await store.put(entry.key, Buffer.from(bytes))
      entries.push(entry)
    }
  })

  const scan = (text: string): Promise<SmallScan[]> => tasks.scanSmall(TENANT, planOf(text), entries, NOW_MS, SIGNAL)

  it.each(['{app="a"} |= "00f067aa0ba902b7"', 'count_over_time({app="a"} |= "00f067aa0ba902b7" [1s])', '{app="a"} |= "00f067aa0ba902b7" | logfmt'])('%s: finds in each what a scan of it finds, and reads only where it is', async (text) => {
    const found = await scan(text)
    expect(found.map(({ key }) => key)).toEqual(entries.map(({ key }) => key))
    for (const [i, { answer }] of found.entries()) {
      const alone = await tasks.scanSegments(TENANT, planOf(text), [entries[i]!], NOW_MS, SIGNAL)
      expect(decodePartial(answer!.partial.bytes)).toEqual(decodePartial(alone.partial.bytes))
      expect([answer!.statistics, answer!.warnings]).toEqual([{ ...alone.statistics, bytesFetched: answer!.statistics.bytesFetched }, []])
      expect([answer!.partial.items > 0, answer!.partial.stats.linesProcessed > 0]).toEqual([i === 1, i === 1])
    }
  })

  it('leaves segments of which there is much to read', async () => {
    expect((await scan('{app="a"} |= "needle"')).map(({ answer }) => answer)).toEqual([null, null, null])
  })

  it('leaves what cannot be read to the scan that says so', async () => {
    await store.delete([entries[0]!.key])
    const [gone, present] = await scan('{app="a"} |= "00f067aa0ba902b7"')
    expect([gone!.answer === null, present!.answer === null]).toEqual([true, false])
  })

  it('knows of tenants that have nothing there', async () => {
    const found = await tasks.scanSmall('other' as TenantId, planOf('{app="a"} |= "4bf92f3577b34da6"'), entries.slice(1), NOW_MS, SIGNAL)
    expect(found.map(({ answer }) => answer?.partial.items)).toEqual([0, 0])
  })
})
