import { describe, expect, it } from 'vitest'
import type { TenantId } from '../../protocols/model.ts'
import { encodeIds, idsKey, idsObjectOf, idsPrefix } from '../../storage/ids-object.ts'
import { readFooter } from '../../storage/segment-read.ts'

describe('an object of gathered ids', () => {
  const ids = [{ tenant: '' as const, id: 'record', sequence: 1 }, { tenant: 'acme' as TenantId, id: 'push', sequence: 7 }]

  it('is read as a segment without rows', async () => {
    const bytes = encodeIds(3, 7, ids)
    const { footerBytes } = idsObjectOf({ key: idsKey(3, 7), sizeBytes: bytes.length })!
    const footer = await readFooter('ids', bytes.length, footerBytes, async (offset, length) => bytes.subarray(offset, offset + length))
    expect(footer).toMatchObject({ partition: 3, last: 7, rowCount: 0, recordIds: ids })
  })

  it('has a key that sorts by what it reaches to, outside of the segments', () => {
    const keys = [9, 10, 1_000_000].map((through) => idsKey(3, through))
    expect(keys.toSorted()).toEqual(keys)
    for (const key of keys) expect(key.startsWith(idsPrefix(3))).toBe(true)
    expect(idsPrefix(3).startsWith('segments/')).toBe(false)
    expect(keys.map((key) => idsObjectOf({ key, sizeBytes: 100 })?.through)).toEqual([9, 10, 1_000_000])
    expect(idsObjectOf({ key: `${idsPrefix(3)}other`, sizeBytes: 100 })).toBeNull()
  })
})
