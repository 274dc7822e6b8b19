/**
 * Ends nats-servers that an earlier, killed parent left behind on our store. A server is ours when its command line names our configuration file:
 * a pid alone proves nothing, because pids are used again. Called by `nats-server.ts` before it starts one; it never signals any other process.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const TERM_WAIT_MS = 10_000
const KILL_WAIT_MS = 5_000
const POLL_MS = 20

/** The pids that were ended. Rejects when one survives SIGKILL: two servers on one store would destroy it. */
export async function endOrphans(configFile: string, pidFile: string): Promise<number[]> {
  const orphans = findServers(configFile, pidFile)
  await Promise.all(orphans.map((pid) => end(pid, configFile)))
  return orphans
}

/** Servers that run with this configuration file: by the process table on Linux, by the pid file elsewhere. */
export function findServers(configFile: string, pidFile: string): number[] {
  const candidates = process.platform === 'linux' ? linuxPids() : pidFrom(pidFile)
  return candidates.filter((pid) => pid !== process.pid && runsWith(pid, configFile))
}

/** Whether this process exists, is no zombie, and was started with the configuration file. */
function runsWith(pid: number, configFile: string): boolean {
  const args = commandLine(pid)
  return args !== null && args.some((arg, i) => arg === configFile && args[i - 1] === '-c')
}

function linuxPids(): number[] {
  return readdirSync('/proc').map(Number).filter((pid) => Number.isInteger(pid) && pid > 0)
}

function pidFrom(pidFile: string): number[] {
  try {
    const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10)
    return Number.isInteger(pid) && pid > 0 ? [pid] : []
  } catch {
    return []
  }
}

/** Null for a process that is gone or waits to be reaped (a zombie's command line is empty). */
function commandLine(pid: number): string[] | null {
  try {
    const text = process.platform === 'linux' ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' }).trim().replaceAll(' ', '\0')
    return text === '' ? null : text.split('\0')
  } catch {
    return null
  }
}

async function end(pid: number, configFile: string): Promise<void> {
  for (const [signal, waitMs] of [['SIGTERM', TERM_WAIT_MS], ['SIGKILL', KILL_WAIT_MS]] as const) {
    signalQuietly(pid, signal)
    if (await isGone(pid, configFile, waitMs)) return
  }
  throw new Error(`nats-server ${pid} of an earlier run does not end`)
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It went by itself.
  }
}

async function isGone(pid: number, configFile: string, waitMs: number): Promise<boolean> {
  const deadline = performance.now() + waitMs
  while (runsWith(pid, configFile)) {
    if (performance.now() > deadline) return false
    await sleep(POLL_MS)
  }
  return true
}
