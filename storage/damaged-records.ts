/**
 * Where records of the log go that cannot be read: whole, as they were logged, into the bucket, so that skipping them loses nothing for good. Nodes count them for `/status`
 * and never read them back.
 */
import type { Sequence } from '../protocols/model.ts'
import type { ObjectStore } from './object-store.ts'

const PREFIX = 'damaged/'

const damagedKey = (partition: number, sequence: Sequence): string => `${PREFIX}p${partition}/${sequence}.wal`

/** Returns the object's key. Can be repeated. Rejects `storage_unavailable`. */
export async function keepDamaged(store: ObjectStore, partition: number, sequence: Sequence, record: Buffer): Promise<string> {
  const key = damagedKey(partition, sequence)
  await store.put(key, record)
  return key
}

export interface KeptRecords {
  readonly count: number
  /** Key and time of the newest; absent when there is none. */
  readonly newest?: { readonly key: string; readonly keptMs: number }
}

/** What lies there, of all partitions. Rejects `storage_unavailable`. */
export async function keptRecords(store: ObjectStore, signal: AbortSignal): Promise<KeptRecords> {
  let count = 0
  let newest: KeptRecords['newest']
  for await (const { key, modifiedMs } of store.list(PREFIX, signal)) {
    count++
    if (newest === undefined || modifiedMs >= newest.keptMs) newest = { key, keptMs: modifiedMs }
  }
  return newest === undefined ? { count } : { count, newest }
}
