/** F3: a segment that a stale owner has put once more, with other settings of compression or by another version of the program, holds the same lines in other bytes, and is read all the same. */
import { describe, expect, it } from 'vitest'
import { emptyStatistics } from '../../../actors/segments/read-statistics.ts'
import { SegmentReads } from '../../../actors/segments/segment-reads.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'
import type { TenantId } from '../../../protocols/model.ts'
import type { ChunkEncoding } from '../../../storage/column-codec.ts'
import { MemoryObjectStore } from '../../../storage/object-store-memory.ts'
import { SegmentCache } from '../../../storage/segment-cache.ts'
import { encodeSegment } from '../../../storage/segment-encode.ts'
import { COLUMN_KINDS } from '../../../storage/segment-format.ts'
import { SharedLedger } from '../../../storage/shared-ledger.ts'
import { TestPartition } from '../../support/cuts.ts'
import { ALL, type PlainRow, rowsOf } from '../../support/segments.ts'

const TENANT = 'acme' as TenantId
const LINES = Array.from({ length: 500 }, (_, i) => `line ${i} of many that are alike`)

const segmentIn = (encoding: ChunkEncoding): ReturnType<typeof encodeSegment> => {
  const partition = new TestPartition()
  partition.push(TENANT, [{ labels: '{app="a"}', entries: LINES.map((line, i) => ({ ns: BigInt(i), line: Buffer.from(line) })) }])
  return encodeSegment(partition.cut({ encoding }), () => null)
}

describe('a segment whose object is not the one that the catalog was told of', () => {
  it.each([['larger', 'zstd', 'none'], ['smaller', 'none', 'zstd']] as const)('is read as it is: it has become %s', async (_than, committed, put) => {
    const store = new MemoryObjectStore(new ManualClock())
    const ledger = new SharedLedger()
    ledger.limitBytes = 1 << 20
    const reads = new SegmentReads(store, new SegmentCache({ ledger, keepsRanges: true }))
    const { entry, bytes } = segmentIn(committed)
    await store.put(entry.key, Buffer.from(bytes))
    const linesOf = (): Promise<string[]> =>
      reads.with(entry, emptyStatistics(), async (reader) => {
        const rows = new Map<string, PlainRow[]>()
        const selection = await reader.select(TENANT, () => true, ALL)
        for await (const block of reader.load(selection!, COLUMN_KINDS)) rowsOf(block, rows)
        return [...rows.values()].flat().map(({ line }) => line)
      })
    expect(await linesOf()).toEqual(LINES)
    await store.put(entry.key, Buffer.from(segmentIn(put).bytes))
    // Whether or not something of the former object is still cached.
    await reads.forget(entry.key)
    for (let i = 0; i < 2; i++) expect(await linesOf()).toEqual(LINES)
  })
})
