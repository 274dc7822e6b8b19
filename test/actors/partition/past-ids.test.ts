/** Which segments a new owner asks for the ids that were applied before it (W1). */
import { expect, it } from 'vitest'
import { APPLIED_IDS_MAX } from '../../../actors/partition/applied-ids.ts'
import { recentWithIds } from '../../../actors/partition/past-ids.ts'
import type { SegmentEntry } from '../../../storage/catalog.ts'

const catalogOf = (...idCounts: number[]) => ({ partition: 0, epoch: 1, checkpoint: 9, segments: idCounts.map((appliedIdCount, i) => ({ key: String(i), appliedIdCount }) as SegmentEntry) })
const keys = (...idCounts: number[]): string[] => recentWithIds(catalogOf(...idCounts)).map(({ key }) => key)

it('takes the newest segments that hold as many ids as are kept, oldest first, and none without ids', () => {
  expect(keys(1, 0, 2)).toEqual(['0', '2'])
  expect(keys(5, APPLIED_IDS_MAX - 1, 0, 1)).toEqual(['1', '3'])
  expect(keys(5, APPLIED_IDS_MAX, 1)).toEqual(['1', '2'])
  expect(keys()).toEqual([])
})
