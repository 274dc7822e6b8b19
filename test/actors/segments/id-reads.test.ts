/** W1 across owners: the ids of what is stored are found again, from few objects however many segments there are, and never fewer than there are. */
import { beforeEach, describe, expect, it } from 'vitest'
import { GATHER_SEGMENTS } from '../../../actors/partition/applied-ids.ts'
import { IdReads } from '../../../actors/segments/id-reads.ts'
import { SegmentReads } from '../../../actors/segments/segment-reads.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import { SystemClock } from '../../../runtime/clock-system.ts'
import type { SegmentEntry } from '../../../storage/catalog.ts'
import { encodeIds, idsObjectOf } from '../../../storage/ids-object.ts'
import { MemoryObjectStore } from '../../../storage/object-store-memory.ts'
import type { ObjectStore } from '../../../storage/object-store.ts'
import { SegmentCache } from '../../../storage/segment-cache.ts'
import { segmentKey } from '../../../storage/segment-format.ts'
import { SharedLedger } from '../../../storage/shared-ledger.ts'

const PARTITION = 2

describe('IdReads', () => {
  let memory: MemoryObjectStore
  let asked: string[]
  let isAway: (key: string) => boolean
  let store: ObjectStore
  let segments: SegmentEntry[]

  /** As a node that has just started: nothing in its cache. */
  const ids = (): IdReads => new IdReads(new SegmentReads(store, new SegmentCache({ ledger: new SharedLedger(), keepsRanges: false })), store)
  const addSegments = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const sequence = segments.length + 1
      const key = segmentKey(PARTITION, sequence, sequence)
      const bytes = encodeIds(PARTITION, sequence, [{ tenant: '', id: `r${sequence}`, sequence }])
      await memory.put(key, bytes)
      const { sizeBytes, footerBytes } = idsObjectOf({ key: '/1.seg', sizeBytes: bytes.length })!
      segments.push({ key, partition: PARTITION, first: sequence, last: sequence, sizeBytes, footerBytes, minNs: '0', maxNs: '0', rowCount: 1, rawBytes: 1, appliedIdCount: 1, tenants: null })
    }
  }
  const expected = (): string[] => segments.map(({ last }) => `/r${last}`)
  const gatherings = async (): Promise<string[]> => {
    const keys: string[] = []
    for await (const { key } of memory.list('ids/')) keys.push(key)
    return keys
  }

  beforeEach(async () => {
    memory = new MemoryObjectStore(new SystemClock())
    asked = []
    isAway = () => false
    store = {
      getRange: (key, offset, lengthBytes) => {
        asked.push(key)
        return isAway(key) ? Promise.reject(new SkaldError('storage_unavailable', 'away')) : memory.getRange(key, offset, lengthBytes)
      },
      head: (key) => memory.head(key),
      put: (key, body) => memory.put(key, body),
      list: (prefix) => memory.list(prefix),
      delete: (keys) => memory.delete(keys),
      close: () => memory.close(),
    }
    segments = []
    await addSegments(GATHER_SEGMENTS * 3)
  })

  it('asks one object for what was gathered, and segments only for what came later', async () => {
    expect(await ids().past(PARTITION, segments)).toMatchObject({ keys: expected(), singly: segments.length })
    await ids().gather(PARTITION, segments)
    await addSegments(3)
    asked = []
    expect(await ids().past(PARTITION, segments)).toMatchObject({ keys: expected(), singly: 3, unread: [], lost: 0 })
    expect(asked).toHaveLength(4)
  })

  it('gathers on from what was gathered, and keeps the last two objects', async () => {
    for (let turn = 0; turn < 4; turn++) {
      await ids().gather(PARTITION, segments)
      await addSegments(GATHER_SEGMENTS)
    }
    expect(await gatherings()).toHaveLength(2)
    expect(await ids().past(PARTITION, segments)).toMatchObject({ keys: expected(), singly: GATHER_SEGMENTS })
  })

  it('asks the segments when what was gathered is damaged, gone, or of segments that the catalog does not name', async () => {
    await ids().gather(PARTITION, segments)
    const [key] = await gatherings()
    await memory.put(key!, Buffer.alloc(100))
    expect(await ids().past(PARTITION, segments)).toMatchObject({ keys: expected(), singly: segments.length, lost: 0 })
    await memory.delete([key!])
    expect(await ids().past(PARTITION, segments)).toMatchObject({ keys: expected(), singly: segments.length })
    await ids().gather(PARTITION, segments)
    const others = segments.slice(0, -1)
    expect(await ids().past(PARTITION, others)).toMatchObject({ keys: expected().slice(0, -1), singly: others.length })
  })

  it('tells which segments could not be read, and gathers nothing without them', async () => {
    isAway = (key) => key === segments[5]!.key
    const found = await ids().past(PARTITION, segments)
    expect(found.unread).toEqual([segments[5]])
    expect(found.keys).toEqual(expected().filter((key) => key !== '/r6'))
    await expect(ids().gather(PARTITION, segments)).rejects.toMatchObject({ code: 'storage_unavailable' })
    expect(await gatherings()).toEqual([])
  })

  it('passes over a segment that is gone', async () => {
    await memory.delete([segments[5]!.key])
    expect(await ids().past(PARTITION, segments)).toMatchObject({ keys: expected().filter((key) => key !== '/r6'), unread: [], lost: 1 })
  })
})
