/**
 * Whose bucket it is: an object that names one cluster of NATS, which knows the same name. Two clusters on one bucket would put their segments over each other's, so a node asks before it
 * touches anything (`takeBucket`), and looks again as long as it lives (`bucket-mark-watch.ts`). A bucket whose cluster does not answer is taken: its NATS was lost, and the bucket is enough (F4).
 */
import type { Clock } from '../runtime/clock.ts'
import { SkaldError } from '../runtime/errors.ts'
import type { KvBucket } from '../runtime/kv.ts'
import type { Random } from '../runtime/random.ts'
import { newestSegmentOf } from './catalog-heads.ts'
import type { ObjectStore } from './object-store.ts'

export interface MarkParts {
  readonly store: ObjectStore
  /** The catalog's. */
  readonly kv: KvBucket
  readonly clock: Clock
  readonly random: Random
}

export interface TakeOptions {
  /** Nobody else can use it: no answer is waited for. */
  readonly isAlone: boolean
  /** Told what the start waits for. */
  readonly onWait: (what: string) => void
  /** Ends the waiting: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** In the bucket. */
export interface Mark {
  readonly cluster: string
  /** A node of another cluster wants to know whether this one lives: whoever lives takes it away. */
  readonly asked?: string
}

/** In NATS. */
interface Known {
  readonly cluster: string
  /** The mark that it takes the place of; null: there was none. */
  readonly was: string | null
}

const OBJECT = 'cluster.json'
const KEY = 'cluster'
const OBJECT_BYTES_MAX = 4_096
const NAME_BYTES = 8
/** More than two looks of a node that lives (`bucket-mark-watch.ts`). */
const ANSWER_MS = 40_000
const ASK_AGAIN_MS = 500
/** A bucket that is away does not keep a node from starting: it is looked at later. */
const READ_MS = 3_000

/** Resolves with the cluster's name. Rejects `setup` when the bucket is another cluster's, or not the one that this cluster stored in; `storage_unavailable` when that must be known first. */
export async function takeBucket(parts: MarkParts, options: TakeOptions): Promise<string> {
  const { store, kv, clock } = parts
  for (;;) {
    const known = await readKnown(kv).catch(undefinedIfAway)
    if (known === undefined) {
      options.onWait('NATS does not tell yet whose bucket object_store.url is')
      await clock.sleep(ASK_AGAIN_MS, options.signal)
      continue
    }
    if (known === null) {
      await nameCluster(parts, options)
      continue
    }
    const { cluster, was } = known
    const mark = await readSoon(parts).catch(undefinedIfAway)
    if (mark === undefined || mark?.cluster === cluster) return cluster
    if (mark === null) await assertNotEmptied(parts, cluster)
    else if (mark.cluster !== was) throw new SkaldError('setup', `object_store.url is the bucket of cluster ${mark.cluster} (its ${OBJECT} says so), but nats.url leads to cluster ${cluster}: one of the two is wrong`)
    await putMark(store, { cluster })
    return cluster
  }
}

/** Throws `storage_corrupt` for what is no mark; null: there is none. */
export async function readMark(store: ObjectStore, signal?: AbortSignal): Promise<Mark | null> {
  const bytes = await store.getRange(OBJECT, -OBJECT_BYTES_MAX, OBJECT_BYTES_MAX, signal).catch((error: unknown) => {
    if (error instanceof SkaldError && error.code === 'not_found') return null
    throw error
  })
  return bytes === null ? null : decode<Mark>(bytes, `object ${OBJECT}`)
}

export const putMark = (store: ObjectStore, mark: Mark): Promise<void> => store.put(OBJECT, encode(mark))

/** After the catalog was lost under a node that lives. */
export async function keepKnown(kv: KvBucket, cluster: string): Promise<void> {
  if ((await kv.get(KEY)) === null) await kv.create(KEY, encode({ cluster, was: null } satisfies Known))
}

async function readKnown(kv: KvBucket): Promise<Known | null> {
  const entry = await kv.get(KEY)
  return entry === null ? null : decode<Known>(entry.value, `catalog key ${KEY}`)
}

/** Unless another node is faster, or something has changed: then it is to be looked at again. */
async function nameCluster(parts: MarkParts, options: TakeOptions): Promise<void> {
  const { kv, random } = parts
  const mark = await readSoon(parts).catch((error: unknown) => {
    if (!(error instanceof SkaldError)) throw error
    throw new SkaldError(error.code, `object_store.url does not tell whose bucket it is: ${error.message}`, { cause: error })
  })
  if (mark !== null && !options.isAlone && !(await isFree(parts, mark, options))) return
  await kv.create(KEY, encode({ cluster: random.hex(NAME_BYTES), was: mark?.cluster ?? null } satisfies Known)).catch(undefinedIfAway)
}

async function readSoon({ store, clock }: MarkParts): Promise<Mark | null> {
  const late = new AbortController()
  const timer = clock.after(READ_MS, () => late.abort(new SkaldError('storage_unavailable', `object_store.url did not answer within ${READ_MS} ms`)))
  try {
    return await readMark(store, late.signal)
  } finally {
    timer.cancel()
  }
}

/** False: something has changed, look again. Rejects when somebody lives there. */
async function isFree(parts: MarkParts, mark: Mark, { onWait, signal }: TakeOptions): Promise<boolean> {
  const { store, kv, clock, random } = parts
  const untilMs = clock.monotonicMs() + ANSWER_MS
  onWait(`cluster ${mark.cluster} has stored in object_store.url, and NATS does not know it; waiting for ${ANSWER_MS / 1_000} s whether it lives`)
  await putMark(store, { ...mark, asked: random.hex(NAME_BYTES) })
  while (clock.monotonicMs() < untilMs) {
    await clock.sleep(ASK_AGAIN_MS, signal)
    const now = await readMark(store)
    // Whoever answers has told NATS the name before.
    const known = await readKnown(kv).catch(undefinedIfAway)
    if (known !== null || now?.cluster !== mark.cluster) return false
    if (now.asked === undefined) throw new SkaldError('setup', `object_store.url is in use by cluster ${mark.cluster}, which nats.url does not lead to: two clusters cannot share a bucket and prefix`)
  }
  return true
}

/** Without its mark a bucket may be another one; with the newest segment in it, it is not. */
async function assertNotEmptied({ store, kv }: MarkParts, cluster: string): Promise<void> {
  const segment = await newestSegmentOf(kv)
  if (segment === null) return
  await store.head(segment.key).catch((error: unknown) => {
    if (!(error instanceof SkaldError) || error.code !== 'not_found') throw error
    throw new SkaldError('setup', `object_store.url is not the bucket that cluster ${cluster} has stored in: neither its ${OBJECT} is there, nor ${segment.key}, which the catalog names. If it is the right one and was emptied, put {"cluster":"${cluster}"} there as ${OBJECT}`)
  })
}

function undefinedIfAway(error: unknown): undefined {
  if (!(error instanceof SkaldError) || error.code !== 'storage_unavailable') throw error
}

const encode = (value: Mark | Known): Buffer => Buffer.from(JSON.stringify(value))

function decode<A extends Mark | Known>(bytes: Buffer, what: string): A {
  try {
    const value = JSON.parse(bytes.toString()) as A
    if (typeof value.cluster === 'string') return value
  } catch {
    // Said below.
  }
  throw new SkaldError('storage_corrupt', `${what} is no mark of a cluster`)
}
