/** Records that cannot be read, in the bucket: found again, of all partitions, and nothing else (W5). */
import { expect, it } from 'vitest'
import { SystemClock } from '../../runtime/clock-system.ts'
import { keepDamaged, keptRecords } from '../../storage/damaged-records.ts'
import { MemoryObjectStore } from '../../storage/object-store-memory.ts'

it('counts them and knows the newest', async () => {
  const store = new MemoryObjectStore(new SystemClock())
  const { signal } = new AbortController()
  await store.put('segments/p0/1-2.seg', Buffer.from('segment'))
  expect(await keptRecords(store, signal)).toEqual({ count: 0 })
  for (const [partition, sequence] of [[3, 9], [0, 12], [0, 12]] as const) expect(await keepDamaged(store, partition, sequence, Buffer.from('record'))).toBe(`damaged/p${partition}/${sequence}.wal`)
  expect(await keptRecords(store, signal)).toMatchObject({ count: 2 })
})
