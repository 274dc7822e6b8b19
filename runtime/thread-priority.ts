/**
 * How a thread stands back for others while processors are short. Called by worker threads whose work somebody waits for seconds anyway, so that the event loop (leases,
 * heartbeats, acknowledgements) and small tasks do not wait behind them.
 */
import { getPriority, platform, setPriority } from 'node:os'

/** A third of the processor time that a thread of normal priority gets beside it. */
const NICE = 5
const NICE_MAX = 19

/** Of the calling thread, which begins with the priority of its process. Does nothing where a priority is a whole process's: everywhere but on Linux. */
export function standBack(): void {
  if (platform() === 'linux') setPriority(Math.min(getPriority() + NICE, NICE_MAX))
}
