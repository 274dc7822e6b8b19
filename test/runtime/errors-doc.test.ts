import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { ERROR_STATUS } from '../../runtime/errors.ts'

it('docs/errors.md lists every code with its status, and no other', () => {
  const text = readFileSync(path.resolve(import.meta.dirname, '../../docs/errors.md'), 'utf8')
  const listed = [...text.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map((m) => [m[1], Number(m[2])])
  expect(Object.fromEntries(listed)).toEqual(ERROR_STATUS)
})
