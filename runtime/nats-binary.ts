/**
 * Finds the nats-server program, and fetches it once when the machine has none: `SKALD_NATS_BIN`, PATH, the project's `.local/`, then the
 * distribution's package (`nats-binary-debian.ts`) or the project's release (`nats-binary-release.ts`). Used by the embedded server and by tests.
 * It never installs anything outside `.local/` and never asks for one exact version.
 */
import { execFile } from 'node:child_process'
import { accessSync, chmodSync, constants, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { waitForLock } from './data-lock.ts'
import { SkaldError } from './errors.ts'
import { fetchFromDebian } from './nats-binary-debian.ts'
import { fetchFromRelease } from './nats-binary-release.ts'

const run = promisify(execFile)

const PROJECT_LOCAL = path.resolve(import.meta.dirname, '..', '.local')
/** `sync_interval: always` exists from here; older ones lie about durability (rule W2). */
const VERSION_MIN = '2.10.0'
/** From here on: time to live per key and message, atomic batches. What is fetched must have them. */
const VERSION_WANTED = '2.11.0'
const FETCH_WAIT_MS = 180_000

export interface NatsBinary {
  readonly file: string
  readonly version: string
}

export interface FindOptions {
  /** `nats.bin`, `SKALD_NATS_BIN`: used as given, an error if it cannot run. */
  readonly bin?: string
  readonly localDir?: string
  readonly searchPath?: string
  /** Told once when a download begins. */
  readonly onFetch?: (from: string) => void
}

/** Rejects with SkaldError `setup` that says what was tried and what to do. */
export async function findNatsBinary(options: FindOptions = {}): Promise<NatsBinary> {
  const bin = options.bin ?? process.env['SKALD_NATS_BIN'] ?? ''
  if (bin !== '') return requireBinary(bin)
  const localDir = options.localDir ?? PROJECT_LOCAL
  return (await onPath(options.searchPath ?? process.env['PATH'] ?? '')) ?? (await inLocal(localDir)) ?? fetchOnce(localDir, options.onFetch ?? (() => {}))
}

/** Compares dotted versions by number; a pre-release tag is ignored. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [a, b] = [version, minimum].map((v) => v.split(/[.-]/, 3).map(Number))
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return true
}

async function requireBinary(bin: string): Promise<NatsBinary> {
  const found = await probe(bin)
  if (found === null) throw new SkaldError('setup', `nats.bin (SKALD_NATS_BIN) is ${bin}, which cannot be run as nats-server`)
  if (!isAtLeast(found.version, VERSION_MIN)) throw new SkaldError('setup', `nats.bin (SKALD_NATS_BIN) ${bin} is version ${found.version}; at least ${VERSION_MIN} is needed`)
  return found
}

async function onPath(searchPath: string): Promise<NatsBinary | null> {
  for (const folder of searchPath.split(path.delimiter).filter((part) => part !== '')) {
    const found = await probe(path.join(folder, 'nats-server'))
    if (found !== null && isAtLeast(found.version, VERSION_MIN)) return found
  }
  return null
}

function installDir(localDir: string): string {
  return path.join(localDir, 'nats-server')
}

async function inLocal(localDir: string): Promise<NatsBinary | null> {
  const versions = listVersions(installDir(localDir)).sort((a, b) => (isAtLeast(a, b) ? -1 : 1))
  for (const version of versions) {
    const found = await probe(path.join(installDir(localDir), version, 'nats-server'))
    if (found !== null) return found
  }
  return null
}

function listVersions(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+\.\d+\.\d+/.test(name))
  } catch {
    return []
  }
}

async function probe(file: string): Promise<NatsBinary | null> {
  try {
    accessSync(file, constants.X_OK)
    const { stdout } = await run(file, ['--version'], { timeout: 10_000 })
    const version = /v?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1]
    return version === undefined ? null : { file: path.resolve(file), version }
  } catch {
    return null
  }
}

/** One process fetches; others wait for it and find the result. */
async function fetchOnce(localDir: string, onFetch: (from: string) => void): Promise<NatsBinary> {
  const lock = await waitForLock(path.join(localDir, 'fetch'), FETCH_WAIT_MS)
  if (lock === null) throw new SkaldError('setup', `another process has been fetching nats-server for more than ${FETCH_WAIT_MS / 1000} s`)
  try {
    return (await inLocal(localDir)) ?? (await fetchAny(localDir, onFetch))
  } finally {
    lock.release()
  }
}

async function fetchAny(localDir: string, onFetch: (from: string) => void): Promise<NatsBinary> {
  const failures: string[] = []
  for (const source of [fetchFromDebian, fetchFromRelease]) {
    const workDir = path.join(localDir, 'fetch', `work-${process.pid}`)
    try {
      mkdirSync(workDir, { recursive: true })
      return await install(await source(workDir, onFetch), localDir)
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    } finally {
      rmSync(workDir, { recursive: true, force: true })
    }
  }
  throw new SkaldError(
    'setup',
    `no nats-server on this machine, and fetching one failed: ${failures.join('; ')}. ` +
      `Install nats-server ${VERSION_WANTED} or newer, point SKALD_NATS_BIN at one, or set SKALD_NATS_URL to use running servers`,
  )
}

async function install(program: string, localDir: string): Promise<NatsBinary> {
  chmodSync(program, 0o755)
  const found = await probe(program)
  if (found === null) throw new Error('the fetched nats-server does not run on this machine')
  if (!isAtLeast(found.version, VERSION_WANTED)) throw new Error(`the fetched nats-server is ${found.version}, at least ${VERSION_WANTED} is needed`)
  const folder = path.join(installDir(localDir), found.version)
  mkdirSync(folder, { recursive: true })
  const target = path.join(folder, 'nats-server')
  renameSync(program, target)
  return { file: target, version: found.version }
}
