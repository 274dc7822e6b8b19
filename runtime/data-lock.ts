/**
 * A lock on a directory, held by the kernel for as long as this process lives: two nodes never share a data directory, and a `kill -9`
 * leaves nothing stale. The node takes it before it touches its data; fetching the nats-server takes one too. It never waits on a pid file.
 *
 * It is SQLite's exclusive file lock (POSIX byte-range locks, released by the kernel with the process, not inherited by children), because Node has no
 * `flock`. The lock file must never be opened by anything else in this process: closing any descriptor of it would drop the lock.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { SkaldError } from './errors.ts'

const LOCK_FILE = 'skald.lock'
/** Who holds it, for the error message only: the lock itself is what counts. */
const HOLDER_FILE = 'skald.lock.holder'
const SQLITE_BUSY = 5
const WAIT_STEP_MS = 100
/** Whoever takes a lock need not keep it in hand: a database that is garbage is closed, and its lock with it. */
const held = new Set<DatabaseSync>()

export interface DataLock {
  readonly directory: string
  /** Idempotent. */
  release(): void
}

/** Takes the lock, making the directory if need be. Throws SkaldError `setup` that names the holder when another process has it. */
export function lockDirectory(directory: string): DataLock {
  const lock = tryLockDirectory(directory)
  if (lock === null) throw new SkaldError('setup', `data_dir ${path.resolve(directory)} is in use by another node (${holderOf(directory)}); stop it or set SKALD_DATA_DIR`)
  return lock
}

/** Null when another holder has it. */
export function tryLockDirectory(directory: string): DataLock | null {
  mkdirSync(directory, { recursive: true })
  const database = openExclusive(path.join(directory, LOCK_FILE))
  if (database === null) return null
  held.add(database)
  const holderFile = path.join(directory, HOLDER_FILE)
  writeFileSync(holderFile, `pid ${process.pid} on ${os.hostname()}`)
  return { directory, release: () => release(database, holderFile) }
}

/** Waits until the holder is done, at most `timeoutMs`; null then. */
export async function waitForLock(directory: string, timeoutMs: number): Promise<DataLock | null> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const lock = tryLockDirectory(directory)
    if (lock !== null || performance.now() > end) return lock
    await sleep(WAIT_STEP_MS)
  }
}

function openExclusive(file: string): DatabaseSync | null {
  const database = new DatabaseSync(file)
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return null
    throw new SkaldError('setup', `cannot lock ${file}: ${String(error)}`, { cause: error })
  }
}

function release(database: DatabaseSync, holderFile: string): void {
  if (!database.isOpen) return
  rmSync(holderFile, { force: true })
  held.delete(database)
  database.close()
}

function holderOf(directory: string): string {
  try {
    return readFileSync(path.join(directory, HOLDER_FILE), 'utf8')
  } catch {
    return 'unknown process'
  }
}
