import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockDirectory, tryLockDirectory, waitForLock } from '../../runtime/data-lock.ts'

const MODULE = path.resolve(import.meta.dirname, '../../runtime/data-lock.ts')
let directory: string
const children: ChildProcess[] = []

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'skald-lock-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

/** Another process that takes the lock and holds it until it is killed. */
async function holderProcess(): Promise<ChildProcess> {
  // It collects its garbage, of which the lock must be no part.
  const program = `import { lockDirectory } from ${JSON.stringify(MODULE)}; lockDirectory(${JSON.stringify(directory)}); setTimeout(() => { gc(); setTimeout(() => { gc(); console.log('held') }) }); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  if (child.stdout === null) throw new Error('no stdout')
  await once(child.stdout, 'data')
  return child
}

describe('lockDirectory', () => {
  it('is held by one taker at a time, in one process too', () => {
    const lock = lockDirectory(directory)
    expect(tryLockDirectory(directory)).toBeNull()
    lock.release()
    lock.release()
    const again = tryLockDirectory(directory)
    expect(again).not.toBeNull()
    again?.release()
  })

  it('makes the directory', () => {
    const lock = lockDirectory(path.join(directory, 'a', 'b'))
    expect(lock.directory).toBe(path.join(directory, 'a', 'b'))
    lock.release()
  })

  it('names the other process that holds it and the setting to change', async () => {
    const holder = await holderProcess()
    expect(() => lockDirectory(directory)).toThrow(`pid ${holder.pid}`)
    expect(() => lockDirectory(directory)).toThrow('SKALD_DATA_DIR')
    expect(() => lockDirectory(directory)).toThrow(expect.objectContaining({ code: 'setup' }))
  })

  it('is free again after the holder was killed with SIGKILL', async () => {
    const holder = await holderProcess()
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    const lock = lockDirectory(directory)
    lock.release()
  })

  it('waits for a holder that lets go, and gives up after the time', async () => {
    const lock = lockDirectory(directory)
    expect(await waitForLock(directory, 0)).toBeNull()
    const waiting = waitForLock(directory, 10_000)
    lock.release()
    const taken = await waiting
    expect(taken).not.toBeNull()
    taken?.release()
  })
})
