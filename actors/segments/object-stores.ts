/**
 * Opens the object store that a URL names, made patient: on the node for writing, and in each scan thread for reading. Stores behind a network also get
 * hedged reads, and a cache on the local disk where one is asked for.
 */
import type { Clock } from '../../runtime/clock.ts'
import type { Random } from '../../runtime/random.ts'
import { type DiskCachedStore, openDiskCache } from '../../storage/cache-disk.ts'
import { withReadsNow } from '../../storage/object-store-fs-now.ts'
import type { RetryOptions } from '../../storage/object-store-retry.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { type ObjectStoreLocation, parseObjectStoreUrl } from '../../storage/object-store-url.ts'

/** Plain data, so that it can cross to a thread. */
export interface StoreSettings {
  readonly url: string
  /** Of one try of something small; bodies get more. */
  readonly requestMs: number
  /** The first try included. */
  readonly triesMax: number
  /** Small reads of local files may block: for a thread that does nothing else meanwhile. */
  readonly readsNow?: boolean
  /** Of a store behind a network, for one reader. */
  readonly diskCache?: { readonly directory: string; readonly bytesMax: number }
}

export interface StorePorts {
  readonly clock: Clock
  readonly random: Random
  readonly onRetry?: RetryOptions['onRetry']
}

export async function openObjectStore(settings: StoreSettings, ports: StorePorts): Promise<ObjectStore | DiskCachedStore> {
  const { clock, random } = ports
  const location = parseObjectStoreUrl(settings.url)
  const patient = (): Promise<ObjectStore> => openPatient(location, settings, ports)
  if (location.kind === 'fs' && settings.readsNow === true) return withReadsNow(patient, location.directory)
  return settings.diskCache === undefined || !isRemote(settings.url) ? patient() : openDiskCache(await patient(), { ...settings.diskCache, clock, random })
}

/** What retries and hedges is loaded only where it is used, as the S3 client is: half of a scan thread's start. */
async function openPatient(location: ObjectStoreLocation, settings: StoreSettings, ports: StorePorts): Promise<ObjectStore> {
  const { clock, random, onRetry } = ports
  const plain = await openLocation(location, settings, ports)
  const hedged = isRemote(settings.url) ? (await import('../../storage/object-store-hedge.ts')).withHedgedReads(plain, { clock, random }) : plain
  const policy = { triesMax: settings.triesMax, tryMs: settings.requestMs }
  const { withRetries } = await import('../../storage/object-store-retry.ts')
  return withRetries(hedged, { clock, random, policy, ...(onRetry === undefined ? {} : { onRetry }) })
}

/** Whether objects are files here: a reader gets bytes of its own, and gains nothing by asking for many at once. */
export const isLocal = (url: string): boolean => parseObjectStoreUrl(url).kind === 'fs'

/** Whether reads go over a network. */
export const isRemote = (url: string): boolean => parseObjectStoreUrl(url).kind === 's3'

/** The S3 client is loaded only where it is used: it costs start-up time and memory. */
async function openLocation(location: ObjectStoreLocation, { requestMs }: StoreSettings, { clock, random }: StorePorts): Promise<ObjectStore> {
  switch (location.kind) {
    case 'fs':
      return (await import('../../storage/object-store-fs.ts')).openFsObjectStore({ directory: location.directory, random, nowMs: clock.nowMs() })
    case 's3':
      return new (await import('../../storage/object-store-s3.ts')).S3ObjectStore({ location: location.s3, requestMs })
    case 'memory':
      return new (await import('../../storage/object-store-memory.ts')).MemoryObjectStore(clock)
  }
}
