/**
 * F4: the catalog from the bucket alone. A node that starts and finds no catalog at all, but segments, makes it again before anything is written; everything
 * else (a part is lost, or damaged) is `skald catalog rebuild`, which an operator runs. Opens the ports itself for that command.
 */
import { SystemClock } from '../../runtime/clock-system.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { Kv } from '../../runtime/kv.ts'
import { JetStreamKv } from '../../runtime/kv-jetstream.ts'
import type { Logger } from '../../runtime/log.ts'
import { startNatsServer } from '../../runtime/nats-server.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport } from '../../runtime/transport-nats.ts'
import { CATALOG_BUCKET } from '../../storage/catalog-kv.ts'
import { HEADS_PREFIX } from '../../storage/catalog-heads.ts'
import { rebuildCatalog, type RebuildOptions, type RebuildReport } from '../../storage/catalog-rebuild.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { SkaldConfig } from '../config.ts'
import { natsAddress, natsServerOptions, storeSettings } from '../node-settings.ts'
import { openObjectStore } from '../segments/object-stores.ts'

/** Looks at keys only while there is a catalog, so a start costs the same whatever the history (F2). */
export async function rebuildLostCatalog(store: ObjectStore, kv: Kv, replicas: number, log: Logger): Promise<void> {
  const bucket = await kv.bucket({ name: CATALOG_BUCKET, history: 1, replicas })
  if ((await bucket.keys(HEADS_PREFIX)).length > 0) return
  const { partitions, unreadable } = await rebuildCatalog(store, kv, { replicas }).catch((error: unknown) => {
    if (!(error instanceof SkaldError)) throw error
    throw new SkaldError(error.code, `there is no catalog yet, and the segments of object_store.url cannot be listed to make it: ${error.message}`, { cause: error })
  })
  if (partitions.length === 0 && unreadable.length === 0) return
  const segments = partitions.reduce((sum, { segmentCount }) => sum + segmentCount, 0)
  log.warn('the catalog was lost and has been rebuilt from the bucket', { partitions: partitions.length, segments, unreadable: unreadable.map(({ key }) => key).join(',') })
}

/** For the command line: opens bucket and NATS as a node with this configuration would (an embedded server must not be running), and closes them again. */
export async function rebuildCatalogOf(config: SkaldConfig, options: Pick<RebuildOptions, 'replace' | 'onProgress'>): Promise<RebuildReport> {
  const ports = { clock: new SystemClock(), random: new SystemRandom() }
  const nats = config.nats.url === '' ? await startNatsServer(natsServerOptions(config)) : null
  try {
    const transport = await connectTransport({ ...natsAddress(config, nats), name: 'skald catalog rebuild', random: ports.random })
    const kv = new JetStreamKv(transport, ports)
    const store = await openObjectStore(storeSettings(config), ports)
    try {
      return await rebuildCatalog(store, kv, { ...options, replicas: config.nats.replicas })
    } finally {
      await store.close()
      await kv.close()
      await transport.close()
    }
  } finally {
    await nats?.stop()
  }
}
