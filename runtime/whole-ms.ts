/** A delay in whole milliseconds, at least one: a timer that is rounded down would find its moment not yet come, and be set again and again. */
export function wholeMs(delayMs: number): number {
  return Math.max(1, Math.ceil(delayMs))
}
