/** Opens the object store that a URL names: on the node for writing, and in each scan thread for reading. */
import type { ObjectStore } from '../storage/object-store.ts'
import { parseObjectStoreUrl } from '../storage/object-store-url.ts'

/** The S3 client is loaded only where it is used: it costs start-up time and memory. */
export async function openObjectStore(url: string): Promise<ObjectStore> {
  const location = parseObjectStoreUrl(url)
  switch (location.kind) {
    case 'fs':
      return (await import('../storage/object-store-fs.ts')).openFsObjectStore(location.directory)
    case 's3':
      return (await import('../storage/object-store-s3.ts')).openS3ObjectStore(location.s3)
    case 'memory':
      return (await import('../storage/object-store-memory.ts')).openMemoryObjectStore()
  }
}
