/** Entry of a scan thread: opens its own object store and serves `SegmentTasks`. Started by `segment-work-threads.ts`. */
import { workerData } from 'node:worker_threads'
import { SystemClock } from '../runtime/clock-system.ts'
import { SystemRandom } from '../runtime/random-system.ts'
import { serveTasks } from '../runtime/worker-host.ts'
import { openObjectStore } from './object-stores.ts'
import { SegmentTasks, type ScanWorkerData, type ScanWorkerTask } from './segment-tasks.ts'

const { objectStoreUrl, cacheBytesMax } = workerData as ScanWorkerData
const tasks = new SegmentTasks(await openObjectStore(objectStoreUrl, new SystemClock(), new SystemRandom()), cacheBytesMax)

serveTasks(async (task, signal) => ({ value: await tasks.run(task as ScanWorkerTask, signal) }))
