/** docs/actors.md names the tests that hold its promises: each quoted name must exist. */
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '../..')

it('every test that docs/actors.md names exists', () => {
  const tests = ['test/runtime', 'test/conformance'].flatMap((dir) => readdirSync(path.join(root, dir)).map((file) => readFileSync(path.join(root, dir, file), 'utf8')))
  const text = tests.join('\n').replaceAll("\\'", "'")
  const rows = readFileSync(path.join(root, 'docs/actors.md'), 'utf8').split('\n').filter((line) => line.startsWith('|'))
  const named = rows.flatMap((row) => [...row.matchAll(/`[^`>]*> ([^`]+)`/g)].map((m) => (m[1] as string).replace(/ …$/, '')))
  expect(named.length).toBeGreaterThan(25)
  expect(named.filter((name) => !text.includes(name))).toEqual([])
})
