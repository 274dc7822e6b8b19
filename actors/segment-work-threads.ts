/**
 * `SegmentWork` in worker threads: one that encodes, and as many that scan as there are cores. Scan tasks are sent to the least busy thread, with a
 * leaning towards the one that served the same segment before, whose caches have it.
 */
import { WorkerPool } from '../runtime/worker-pool.ts'
import type { EncodedSegment } from '../storage/segment-encode.ts'
import type { ScanAnswer, SegmentWork, SeriesAnswer } from './segment-work.ts'
import type { EncodeWorkerTask, ScanWorkerData, ScanWorkerTask } from './segment-tasks.ts'

export interface ThreadedWorkOptions extends ScanWorkerData {
  readonly scanThreads: number
  /** JavaScript heap of one thread, MB; buffers and shared memory are outside it. */
  readonly heapMbMax: number
  readonly onCrash: (error: Error) => void
}

export function makeThreadedWork(options: ThreadedWorkOptions): SegmentWork {
  const { heapMbMax, onCrash } = options
  const workerData: ScanWorkerData = { objectStoreUrl: options.objectStoreUrl, cacheBytesMax: options.cacheBytesMax }
  const encodePool = new WorkerPool({ script: new URL('./encode-worker.ts', import.meta.url), threads: 1, workerData, heapMbMax, onCrash })
  const scanPool = new WorkerPool({ script: new URL('./scan-worker.ts', import.meta.url), threads: options.scanThreads, workerData, heapMbMax, onCrash })
  const scanOn = <A>(task: ScanWorkerTask, signal: AbortSignal | undefined, affinity?: string): Promise<A> =>
    scanPool.run<A>(task, { ...(signal === undefined ? {} : { signal }), ...(affinity === undefined ? {} : { affinity: hashOf(affinity) }) })

  return {
    threads: options.scanThreads,
    async encode(task, signal) {
      const message: EncodeWorkerTask = { kind: 'encode', task }
      const encoded = await encodePool.run<EncodedSegment>(message, signal === undefined ? {} : { signal })
      const { bytes } = encoded
      return { entry: encoded.entry, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) }
    },
    scanSegments: (tenant, plan, segments, nowMs, signal) =>
      scanOn<ScanAnswer>({ kind: 'scanSegments', tenant, plan, segments, nowMs }, signal, segments[0]?.key),
    scanHead: (content, plan, nowMs, signal) => scanOn<ScanAnswer>({ kind: 'scanHead', content, plan, nowMs }, signal),
    series: (tenant, matcherSets, segments, signal) => scanOn<SeriesAnswer>({ kind: 'series', tenant, matcherSets, segments }, signal),
    appliedIds: (segment) => scanOn<Awaited<ReturnType<SegmentWork['appliedIds']>>>({ kind: 'appliedIds', segment }, undefined, segment.key),
    async close() {
      await Promise.all([encodePool.close(), scanPool.close()])
    },
  }
}

/** FNV-1a, to spread segment keys over threads. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

