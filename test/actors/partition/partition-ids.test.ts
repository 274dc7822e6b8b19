/** W1 across a change of owner: what waits until the ids of earlier segments are known, what need not, and when ids are put into one object. */
import { beforeEach, expect, it } from 'vitest'
import { GATHER_SEGMENTS, GATHERED_SEGMENTS_MIN } from '../../../actors/partition/applied-ids.ts'
import { PartitionFollow } from '../../../actors/partition/partition-follow.ts'
import { PartitionIds } from '../../../actors/partition/partition-ids.ts'
import type { PartitionMessage } from '../../../actors/partition/partition-messages.ts'
import type { PartitionShared } from '../../../actors/partition/partition-start.ts'
import { silentLogger } from '../../../runtime/log.ts'
import type { SegmentEntry } from '../../../storage/catalog.ts'

const segments = (count: number): SegmentEntry[] => Array.from({ length: count }, (_, i) => ({ key: `segments/p0/${i}-${i}.seg`, appliedIdCount: 1 }) as SegmentEntry)

let told: Array<PartitionMessage['kind']>
let stored: SegmentEntry[]
let gathered: number[]
let gathering: Promise<void>
beforeEach(() => {
  told = []
  stored = []
  gathered = []
  gathering = Promise.resolve()
})

function idsAfter(withIds: ReadonlyArray<SegmentEntry>): PartitionIds {
  const tell = (message: PartitionMessage): void => void told.push(message.kind)
  const work = { gatherIds: (_partition: number, of: ReadonlyArray<SegmentEntry>) => (gathered.push(of.length), gathering) }
  const shared = {
    services: { log: silentLogger, catalog: { current: () => ({ segments: stored }) }, work },
    identity: { partition: 0 },
    context: { self: { tell }, tellLater: (_ms: number, message: PartitionMessage) => tell(message) },
    found: { withIds },
  }
  return new PartitionIds(shared as unknown as PartitionShared)
}

/** What comes next is one record of one push. */
function next(pushId: string): PartitionFollow {
  const follow = new PartitionFollow(0, 1 << 20)
  const item = { tenant: 't', pushId, receivedMs: 0, labels: [], memory: { use: () => {}, leave: () => {} } }
  follow.offer({ sequence: 1, recordId: 'r', bytes: 1, items: [item as never] })
  return follow
}

const found = (keys: string[], unread: SegmentEntry[]) => ({ keys, unread, singly: 0, lost: 0, reason: '' })

it('holds up nothing where no segment has ids', () => {
  const ids = idsAfter([])
  expect([ids.holdUp(next('push')), ids.holdUp(next(''))]).toEqual([false, false])
  expect(told).toEqual([])
})

it('holds up every record until ids have been asked for, then pushes with ids until all are known', () => {
  const [one, two] = segments(2) as [SegmentEntry, SegmentEntry]
  const ids = idsAfter([one, two])
  expect(told).toEqual(['readIds'])
  expect([ids.holdUp(next('push')), ids.holdUp(next(''))]).toEqual([true, true])
  ids.wereRead(found(['t/first'], [two]))
  expect(told).toEqual(['readIds', 'readIds'])
  expect([ids.holdUp(next('push')), ids.holdUp(next(''))]).toEqual([true, false])
  ids.wereRead(found(['t/second'], []))
  expect(ids.holdUp(next('push'))).toBe(false)
  expect(['first', 'second', 'third', 'third'].map((id) => ids.add({ tenant: 't' as never, id, sequence: 1 }))).toEqual([false, false, true, false])
  expect(told).toHaveLength(2)
})

it('has ids gathered after so many segments, where they lie in many, and one gathering at a time', async () => {
  const ids = idsAfter([])
  const store = (count: number): void => {
    for (let i = 0; i < count; i++) ids.segmentStored()
  }
  stored = segments(GATHERED_SEGMENTS_MIN - 1)
  store(GATHER_SEGMENTS)
  expect(gathered).toEqual([])
  stored = segments(GATHERED_SEGMENTS_MIN)
  store(1)
  expect(gathered).toEqual([GATHERED_SEGMENTS_MIN])
  store(GATHER_SEGMENTS)
  expect(gathered).toHaveLength(1)
  await expect.poll(() => told).toEqual(['idsGathered'])
  ids.gathered()
  gathering = Promise.reject(new Error('no bucket'))
  store(1)
  expect(gathered).toHaveLength(2)
  await expect.poll(() => told).toEqual(['idsGathered', 'idsGathered'])
})
