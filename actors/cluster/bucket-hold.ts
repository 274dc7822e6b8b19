/**
 * Makes sure that the bucket is this cluster's before a node uses it, and as long as it does. Called by `root.ts`; how a bucket says whose it is stands in `storage/bucket-mark.ts`.
 */
import path from 'node:path'
import type { Clock } from '../../runtime/clock.ts'
import type { Kv } from '../../runtime/kv.ts'
import type { Logger } from '../../runtime/log.ts'
import type { Random } from '../../runtime/random.ts'
import { takeBucket } from '../../storage/bucket-mark.ts'
import { BucketMarkWatch } from '../../storage/bucket-mark-watch.ts'
import { CATALOG_BUCKET } from '../../storage/catalog-kv.ts'
import { parseObjectStoreUrl } from '../../storage/object-store-url.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { SkaldConfig } from '../config.ts'
import { storeSettings } from '../node-settings.ts'

export interface BucketHoldParts {
  readonly store: ObjectStore
  readonly kv: Kv
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Told what the start waits for. */
  readonly onWait: (reason: string) => void
  /** Ends the start. */
  readonly signal: AbortSignal | undefined
  /** The bucket has become another cluster's. */
  readonly onTaken: () => void
}

/** Rejects as `takeBucket`. The answer ends it. */
export async function holdBucket(config: SkaldConfig, { kv, onWait, signal, onTaken, ...parts }: BucketHoldParts): Promise<() => void> {
  const location = parseObjectStoreUrl(storeSettings(config).url)
  if (location.kind === 'memory') return () => undefined
  const { log } = parts
  const marks = { ...parts, kv: await kv.bucket({ name: CATALOG_BUCKET, history: 1, replicas: config.nats.replicas }) }
  // A data directory has one user (`data-lock.ts`), and so has a folder in it.
  const isAlone = location.kind === 'fs' && path.resolve(location.directory).startsWith(path.resolve(config.data_dir) + path.sep)
  const cluster = await takeBucket(marks, { isAlone, onWait, signal })
  const watch = new BucketMarkWatch(marks, cluster, (by) => {
    log.error('object_store.url has become the bucket of another cluster: this node ends', { cluster, by })
    onTaken()
  })
  return () => watch.close()
}
