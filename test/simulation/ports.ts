/** The ports of one simulated node: the shared memory implementations, each behind a link that can be slow, lossy or cut. */
import type { Kv, KvBucket, KvBucketOptions } from '../../runtime/kv.ts'
import { copyNames, MajorityBucket } from '../../runtime/kv-majority.ts'
import type { MemoryKv } from '../../runtime/kv-memory.ts'
import type { MemoryTransport } from '../../runtime/transport-memory.ts'
import type { Transport } from '../../runtime/transport.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { CATALOG_BUCKET } from '../../storage/catalog-kv.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { Wal } from '../../storage/wal.ts'
import type { Link } from './link.ts'
import type { SimulatedProcess } from './process.ts'
import type { World } from './world.ts'

/** The log's client tries again for as long as it may; others leave that to their callers. */
const RETRY_MS = 100
const READ_TRIES = 3
/** Records that are acknowledged from beside the log, and how many of these are in the log nevertheless. */
const DETOUR_SHARE = 0.05
const DETOUR_TWICE_SHARE = 0.5
const MOVE_MS = 1_000

export function simulatedKv(world: World, kv: MemoryKv, link: Link, process: SimulatedProcess, writer: string): Kv {
  const call = <A>(what: string, operate: () => Promise<A>): Promise<A> => {
    world.counts.kv++
    return link.call(`KV ${what}`, operate)
  }
  const one = async (options: KvBucketOptions): Promise<KvBucket> => {
    const bucket = await kv.bucket(options)
    return tracedBucket(world, bucket, link, call, (key, value) => {
      if (options.name === CATALOG_BUCKET) world.invariants.catalogWritten(writer, key, value)
      world.trace(`${writer} ${options.name} ${key} ${value.length}`)
    })
  }
  const random = world.random.fork()
  return {
    bucket: async (options) => {
      if (options.majority !== true || !world.hasMajorities) return one(options)
      return new MajorityBucket(await Promise.all(copyNames(options.name).map((name) => one({ ...options, name }))), { clock: process.clock, random }, options.maxAgeMs)
    },
    close: () => kv.close(),
  }
}

type Call = <A>(what: string, operate: () => Promise<A>) => Promise<A>

function tracedBucket(world: World, bucket: KvBucket, link: Link, call: Call, written: (key: string, value: Buffer) => void): KvBucket {
  const noted = <A extends number | null>(key: string, value: Uint8Array, revision: A): A => {
    if (revision !== null) written(key, Buffer.from(value))
    return revision
  }
  return {
    get: (key) => call('get', () => bucket.get(key)),
    keys: (prefix) => call('keys', () => bucket.keys(prefix)),
    create: (key, value) => call('create', async () => noted(key, value, await bucket.create(key, value))),
    update: (key, value, revision) => call('update', async () => noted(key, value, await bucket.update(key, value, revision))),
    put: (key, value) => call('put', async () => noted(key, value, await bucket.put(key, value))),
    delete: (key, revision) => call('delete', () => bucket.delete(key, revision)),
    watch: (prefix, on, ready) =>
      bucket.watch(
        prefix,
        (event) => {
          world.counts.kvEvents++
          link.push(() => on(event))
        },
        () => link.push(() => ready?.()),
      ),
  }
}

export function simulatedWal(world: World, link: Link, process: SimulatedProcess, writer: string): Wal {
  const call = <A>(what: string, operate: () => Promise<A>): Promise<A> => {
    world.counts.wal++
    return link.call(`log ${what}`, operate)
  }
  const { wal } = world
  const random = world.random.fork()
  return {
    open: (partition, after) => call('open', () => wal.open(partition, after)),
    async append(partition, recordId, record, deadlineMs, traceParent) {
      const endMs = process.clock.monotonicMs() + deadlineMs
      for (;;) {
        try {
          return await call('append', async () => {
            if (world.hasDetours && random.next() < DETOUR_SHARE) {
              if (random.next() < DETOUR_TWICE_SHARE) await wal.append(partition, recordId, record, deadlineMs, traceParent)
              world.detour.hold(partition, { recordId, record: Buffer.from(record), traceParent })
              world.trace(`${writer} detour ${partition}`)
              return null
            }
            const sequence = await wal.append(partition, recordId, record, deadlineMs, traceParent)
            world.trace(`${writer} log ${partition} ${sequence}`)
            return sequence
          })
        } catch (error) {
          if (process.clock.monotonicMs() + RETRY_MS >= endMs) throw error
          await process.clock.sleep(RETRY_MS)
        }
      }
    },
    settle: (partition) => call('settle', () => world.detour.settle(partition, wal, MOVE_MS)),
    state: (partition) => call('state', () => wal.state(partition)),
    read: (partition, from, maxBytes) => call('read', () => wal.read(partition, from, maxBytes)),
    recordIds: (partition, from, through) => call('ids', () => wal.recordIds(partition, from, through)),
    keeper: () => null,
    purge: (partition, through) =>
      call('purge', async () => {
        world.invariants.purged(partition, through)
        await wal.purge(partition, through)
      }),
    async close() {},
  }
}

export function simulatedObjects(world: World, link: Link, process: SimulatedProcess, writer: string): ObjectStore {
  const call = async <A>(what: string, operate: () => Promise<A>): Promise<A> => {
    for (let tries = 1; ; tries++) {
      try {
        world.counts.objects++
        return await link.call(what, operate)
      } catch (error) {
        if (tries >= READ_TRIES || (error instanceof SkaldError && error.code === 'not_found')) throw error
        await process.clock.sleep(RETRY_MS)
      }
    }
  }
  const { objects } = world
  return {
    put: (key, body) =>
      call(`put ${key}`, async () => {
        world.invariants.objectPut(key, body)
        world.trace(`${writer} put ${key} ${body.length}`)
        await objects.put(key, body)
      }),
    getRange: (key, offset, lengthBytes) => call(`read ${key}`, () => objects.getRange(key, offset, lengthBytes)),
    head: (key) => call(`head ${key}`, () => objects.head(key)),
    list: (prefix, signal) => objects.list(prefix, signal),
    delete: (keys) => call('delete', () => objects.delete(keys)),
    async close() {},
  }
}

/** Handlers and answers run only while the process does. */
export function simulatedTransport(world: World, transport: MemoryTransport, process: SimulatedProcess): Transport {
  return {
    publish: (subject, data, headers) => {
      world.counts.messages++
      transport.publish(subject, data, headers)
    },
    request: (subject, data, options) => {
      world.counts.messages++
      return process.hear(transport.request(subject, data, options))
    },
    subscribe: (subject, handle, options) => transport.subscribe(subject, (message) => process.run(() => handle(message)), options),
    status: () => transport.status(),
    onStatus: (listen) => transport.onStatus((status) => process.run(() => listen(status))),
    maxPayloadBytes: () => transport.maxPayloadBytes(),
    close: () => transport.close(),
  }
}
