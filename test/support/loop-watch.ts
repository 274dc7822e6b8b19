/**
 * Preloaded into a node (`--import`): writes down each time its event loop was held up, as lines of JSON in the file that `LOOP_WATCH_FILE` names. What counts is the CPU time of
 * the main thread between two timer ticks, its garbage collections included: neighbours on a busy machine stretch wall time, but not that.
 */
import { appendFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

export interface Stall {
  readonly cpuMs: number
  readonly wallMs: number
}

const TICK_MS = 5
/** Shorter ones are not worth a line. */
export const SHOWN_MS = 15

const file = process.env['LOOP_WATCH_FILE']
if (file !== undefined && isMainThread) watch(file)

function watch(into: string): void {
  let cpu = process.threadCpuUsage()
  let wallMs = performance.now()
  setInterval(() => {
    const used = process.threadCpuUsage(cpu)
    const cpuMs = (used.user + used.system) / 1000
    const now = performance.now()
    if (cpuMs >= SHOWN_MS) appendFileSync(into, `${JSON.stringify({ cpuMs, wallMs: now - wallMs } satisfies Stall)}\n`)
    cpu = process.threadCpuUsage()
    wallMs = performance.now()
  }, TICK_MS).unref()
}
