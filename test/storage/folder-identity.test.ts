/** The name that lies in a folder of objects. */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { SystemRandom } from '../../runtime/random-system.ts'
import { folderIdentity } from '../../storage/folder-identity.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'skald-identity-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('is the same whoever asks, and another in another folder', () => {
  const random = new SystemRandom()
  const first = folderIdentity(path.join(folder, 'a'), random)
  expect(first).toMatch(/^[0-9a-f]{16}$/)
  expect(folderIdentity(path.join(folder, 'a'), random)).toBe(first)
  expect(folderIdentity(path.join(folder, 'b'), random)).not.toBe(first)
})

it('is not known where there can be no folder', () => {
  const random = new SystemRandom()
  folderIdentity(folder, random)
  expect(folderIdentity(path.join(folder, 'store-id/below'), random)).toBeUndefined()
})
