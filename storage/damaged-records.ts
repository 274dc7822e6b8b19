/**
 * Where records of the log go that cannot be read: whole, as they were logged, into the bucket, so that skipping them loses nothing for good. Never read back by a node.
 */
import type { Sequence } from '../protocols/model.ts'
import type { ObjectStore } from './object-store.ts'

const damagedKey = (partition: number, sequence: Sequence): string => `damaged/p${partition}/${sequence}.wal`

/** Returns the object's key. Can be repeated. Rejects `storage_unavailable`. */
export async function keepDamaged(store: ObjectStore, partition: number, sequence: Sequence, record: Buffer): Promise<string> {
  const key = damagedKey(partition, sequence)
  await store.put(key, record)
  return key
}
