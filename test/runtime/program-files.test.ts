import { cpSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { programFiles } from '../../runtime/program-files.ts'

let root: string
const file = (): string => path.join(root, 'storage', 'a.ts')

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'skald-program-'))
  for (const part of ['storage', 'data']) mkdirSync(path.join(root, part))
  writeFileSync(file(), 'a')
})
afterEach(() => rmSync(root, { recursive: true }))

it('is the same while nothing changes, and knows nothing of data', () => {
  const before = programFiles(root)
  writeFileSync(path.join(root, 'data', 'segment'), 'x')
  expect(programFiles(root)).toBe(before)
})

it.each([
  ['a file of another size', () => writeFileSync(file(), 'ab')],
  ['a newer file', () => utimesSync(file(), 1, 1)],
  ['one more', () => writeFileSync(path.join(root, 'storage', 'b.ts'), '')],
  ['one less', () => rmSync(file())],
  ['another name', () => cpSync(file(), path.join(root, 'storage', 'c.ts'), { preserveTimestamps: true })],
  ['another package', () => writeFileSync(path.join(root, 'package.json'), '{}')],
])('differs with %s', (_what, change) => {
  const before = programFiles(root)
  change()
  expect(programFiles(root)).not.toBe(before)
})

it('keeps a thread of a changed program from starting, and says what to do', async () => {
  const worker = new Worker(new URL('../support/echo-worker.ts', import.meta.url), { argv: ['as it was before an upgrade'] })
  const error = await new Promise<Error>((resolve) => worker.once('error', resolve))
  expect(error.message).toContain('restart the node')
})
