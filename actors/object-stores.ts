/** Opens the object store that a URL names: on the node for writing, and in each scan thread for reading. */
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/random.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { parseObjectStoreUrl } from '../storage/object-store-url.ts'

/** The S3 client is loaded only where it is used: it costs start-up time and memory. */
export async function openObjectStore(url: string, clock: Clock, random: Random): Promise<ObjectStore> {
  const location = parseObjectStoreUrl(url)
  switch (location.kind) {
    case 'fs':
      return (await import('../storage/object-store-fs.ts')).openFsObjectStore({ directory: location.directory, random, nowMs: clock.nowMs() })
    case 's3':
      return new (await import('../storage/object-store-s3.ts')).S3ObjectStore({ location: location.s3 })
    case 'memory':
      return new (await import('../storage/object-store-memory.ts')).MemoryObjectStore(clock)
  }
}
