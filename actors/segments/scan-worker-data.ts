/** What a scan thread is told when it starts: plain data and shared memory. Between `segment-work-threads.ts` and `scan-worker.ts`. */
import type { StoreSettings } from './object-stores.ts'

export interface ScanWorkerData {
  readonly store: StoreSettings
  /** Of the `SharedLedger` that bounds this thread's caches. */
  readonly cacheLedger: SharedArrayBuffer
  /** Its tasks may be large: while processors are short, others go first. */
  readonly standsBack: boolean
}
