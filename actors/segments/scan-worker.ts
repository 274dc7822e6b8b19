/** Entry of a scan thread: opens its own object store and caches, and serves `SegmentTasks`. Started by `segment-work-threads.ts`. */
import { workerData } from 'node:worker_threads'
import { SystemClock } from '../../runtime/clock-system.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { standBack } from '../../runtime/thread-priority.ts'
import { serveTasks } from '../../runtime/worker-host.ts'
import { READ_NOW_BYTES_MAX } from '../../storage/object-store-fs-now.ts'
import { SegmentCache } from '../../storage/segment-cache.ts'
import { SharedLedger } from '../../storage/shared-ledger.ts'
import { ownBuffers } from './encoded-partial.ts'
import { isLocal, isRemote, openObjectStore } from './object-stores.ts'
import type { ScanWorkerData } from './scan-worker-data.ts'
import { SegmentReads } from './segment-reads.ts'
import { SegmentTasks, type ScanWorkerTask } from './segment-tasks.ts'
import type { EncodedSeries } from './encoded-series.ts'
import type { ScanAnswer, SeriesAnswer } from './segment-work.ts'

const { store, cacheLedger, standsBack } = workerData as ScanWorkerData
if (standsBack) standBack()
const cache = new SegmentCache({ ledger: new SharedLedger(cacheLedger), keepsRanges: isRemote(store.url) })
const opened = await openObjectStore(store, { clock: new SystemClock(), random: new SystemRandom() })
const tasks = new SegmentTasks(new SegmentReads(opened, cache, isLocal(store.url) ? { windowBytesMax: READ_NOW_BYTES_MAX, ownsReads: true } : {}), opened)

serveTasks(async (task, signal) => {
  const value = await tasks.run(task as ScanWorkerTask, signal)
  return { value, transfer: ownBuffers(bytesIn(value)) }
})

function bytesIn(value: unknown): Uint8Array[] {
  if (typeof value !== 'object' || value === null) return []
  if ('partial' in value) return [(value as ScanAnswer).partial.bytes]
  if ('series' in value) return [(value as SeriesAnswer).series.bytes]
  return 'bytes' in value ? [(value as EncodedSeries).bytes] : []
}
