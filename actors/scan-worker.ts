/** Entry of a scan thread: opens its own object store and serves `SegmentTasks`. Started by `segment-work-threads.ts`. */
import { workerData } from 'node:worker_threads'
import { serveTasks } from '../runtime/worker-host.ts'
import { openObjectStore } from './object-stores.ts'
import { SegmentTasks, type ScanWorkerData, type ScanWorkerTask } from './segment-tasks.ts'

const { objectStoreUrl, cacheBytesMax } = workerData as ScanWorkerData
const tasks = new SegmentTasks(await openObjectStore(objectStoreUrl), cacheBytesMax)

serveTasks(async (task, signal) => ({ value: await tasks.run(task as ScanWorkerTask, signal) }))
