/** Waiting in chaos tests: for a condition, and for the load to go on. What did not come in time is told with what the caller knows about why. */
import type { Loader } from './loader.ts'

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const PERIOD_MS = 20

/** Resolves with the milliseconds that it took. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs: number, describe: () => string | Promise<string>): Promise<number> {
  const begun = performance.now()
  while (!(await condition())) {
    if (performance.now() - begun > timeoutMs) throw new Error(`not within ${timeoutMs} ms: ${await describe()}`)
    await sleep(PERIOD_MS)
  }
  return performance.now() - begun
}

/** Every writer has a push acknowledged that it began after now. */
export function everyWriterGoesOn(loader: Loader, timeoutMs: number, describe: () => string | Promise<string>): Promise<number> {
  const before = Array.from({ length: loader.writers }, (_, writer) => loader.countOf(writer))
  return until(() => before.every((count, writer) => loader.countOf(writer) > count), timeoutMs, async () => `not every writer went on ${await describe()}`)
}
