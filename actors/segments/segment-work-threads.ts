/**
 * `SegmentWork` in worker threads: one that encodes, and as many that scan as there are cores. Scan tasks are sent to the least busy thread, of several to the one
 * that served the same segment before, whose caches have it. While all of them are at work, small tasks go to one more thread: a block
 * of a large one may take long, and the system shares its processors between threads better than a thread can between its tasks.
 */
import path from 'node:path'
import { WorkerPool } from '../../runtime/worker-pool.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'
import type { EncodedSegment } from '../../storage/segment-encode.ts'
import type { NodeMemory } from '../node-memory.ts'
import type { EncodedSeries } from './encoded-series.ts'
import type { StoreSettings } from './object-stores.ts'
import { ScanRoom } from './scan-room.ts'
import type { ScanWorkerData } from './scan-worker-data.ts'
import type { PastIds, ScanAnswer, SegmentWork, SelectAnswer, SeriesAnswer, SmallScan } from './segment-work.ts'
import type { EncodeWorkerTask, ScanWorkerTask } from './segment-tasks.ts'
import { areFewSegments, isSmallHead, isSmallRead } from './small-tasks.ts'

export interface ThreadedWorkOptions {
  readonly scanThreads: number
  readonly store: StoreSettings
  readonly memory: Pick<NodeMemory, 'budget' | 'cacheLedger'>
  /** JavaScript heap of one thread, MB; buffers and shared memory are outside it. */
  readonly heapMbMax: number
  readonly onCrash: (error: Error) => void
}

/** Two windows of a reader (`segment-read.ts`): one that is scanned, one on its way. */
const SCAN_BYTES_MAX = 16 * 1024 * 1024

export function makeThreadedWork(options: ThreadedWorkOptions): SegmentWork {
  const { heapMbMax, memory, onCrash } = options
  const encodePool = new WorkerPool({ script: new URL('./encode-worker.ts', import.meta.url), threads: 1, heapMbMax, onCrash })
  const scanPool = new WorkerPool({ script: new URL('./scan-worker.ts', import.meta.url), threads: options.scanThreads, workerDataOf: (place) => scanWorkerData(options, place), heapMbMax, onCrash, together: true })
  const expressPool = new WorkerPool({ script: new URL('./scan-worker.ts', import.meta.url), threads: 1, workerDataOf: () => scanWorkerData(options, options.scanThreads), heapMbMax, onCrash })
  const scanOn = <A>(task: ScanWorkerTask, signal: AbortSignal | undefined, { affinity, small = false }: { readonly affinity?: string; readonly small?: boolean } = {}): Promise<A> =>
    (small && !scanPool.hasIdle ? expressPool : scanPool).run<A>(task, { ...(signal === undefined ? {} : { signal }), ...(affinity === undefined ? {} : { affinity: hashOf(affinity) }) })
  const room = new ScanRoom(memory.budget)
  const largest = (segments: ReadonlyArray<SegmentEntry>): number => segments.reduce((most, { sizeBytes }) => Math.max(most, sizeBytes), 0)

  return {
    threads: options.scanThreads,
    isHomeFree: ([first]) => first === undefined || scanPool.hasRoomAt(hashOf(first.key)),
    async encode(task, signal) {
      const message: EncodeWorkerTask = { kind: 'encode', task }
      const encoded = await encodePool.run<EncodedSegment>(message, signal === undefined ? {} : { signal })
      const { bytes } = encoded
      return { entry: encoded.entry, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) }
    },
    scanSegments: (tenant, plan, segments, nowMs, signal, readBytesMax = Infinity) =>
      room.run(Math.min(SCAN_BYTES_MAX, largest(segments), readBytesMax), () =>
        scanOn<ScanAnswer>({ kind: 'scanSegments', tenant, plan, segments, nowMs }, signal, { ...nearest(segments), small: isSmallRead(readBytesMax) })),
    async scanSmall(tenant, plan, segments, nowMs, signal, readBytesMax = Infinity) {
      const answers = await Promise.all(
        atHome(segments, options.scanThreads).map((own) => scanOn<ReadonlyArray<SmallScan>>({ kind: 'scanSmall', tenant, plan, segments: own, nowMs }, signal, { ...nearest(own), small: isSmallRead(readBytesMax) })),
      )
      return answers.flat()
    },
    select: (tenant, plan, segments, signal) => scanOn<SelectAnswer>({ kind: 'select', tenant, plan, segments }, signal, nearest(segments)),
    scanHead: (content, plan, nowMs, signal) => scanOn<ScanAnswer>({ kind: 'scanHead', content, plan, nowMs }, signal, { small: isSmallHead(content) }),
    headSeries: (content, question, signal) => scanOn<EncodedSeries>({ kind: 'headSeries', content, question }, signal, { small: isSmallHead(content) }),
    series: (tenant, question, segments, signal) => scanOn<SeriesAnswer>({ kind: 'series', tenant, question, segments }, signal, { small: areFewSegments(segments) }),
    // Not behind scans, whatever they have of it: a partition waits for these.
    pastIds: (partition, segments) => expressPool.run<PastIds>({ kind: 'pastIds', partition, segments } satisfies ScanWorkerTask),
    gatherIds: (partition, segments) => expressPool.run<void>({ kind: 'gatherIds', partition, segments } satisfies ScanWorkerTask),
    async close() {
      await Promise.all([encodePool.close(), scanPool.close(), expressPool.close()])
    },
  }
}

/** Where the first of them was read before. */
const nearest = (segments: ReadonlyArray<SegmentEntry>): { affinity?: string } => (segments[0] === undefined ? {} : { affinity: segments[0].key })

/** By the thread that has them in its caches, as a rule. */
function atHome(segments: ReadonlyArray<SegmentEntry>, threads: number): ReadonlyArray<SegmentEntry>[] {
  return [...Map.groupBy(segments, ({ key }) => hashOf(key) % threads).values()]
}

/** Threads share the caches' bytes evenly; on disk each has a folder of its own. */
function scanWorkerData({ store, memory, scanThreads }: ThreadedWorkOptions, place: number): ScanWorkerData {
  const { diskCache, ...rest } = store
  const own = diskCache && { directory: path.join(diskCache.directory, `thread-${place}`), bytesMax: diskCache.bytesMax / scanThreads }
  return { store: { ...rest, readsNow: true, ...(own === undefined ? {} : { diskCache: own }) }, cacheLedger: memory.cacheLedger(place).memory, standsBack: place < scanThreads }
}

/** FNV-1a, to spread segment keys over threads. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

