/**
 * `npm run crash -- [--rounds N] [--seed N] [--broken]`: the crash test as a command. `--broken` runs it against a copy of the source in which pushes are
 * acknowledged before the WAL has them, and succeeds only if the test notices.
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { brokenTree } from './broken-tree.ts'
import { runCrashTest } from './crash.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '20' }, seed: { type: 'string' }, broken: { type: 'boolean', default: false } } })
const seed = Number(values.seed ?? Date.now() % 2 ** 31)
const root = path.resolve(import.meta.dirname, '../../..')
const broken = values.broken ? await brokenTree(root) : null
try {
  console.log(`seed ${seed}, ${values.rounds} rounds${values.broken ? ', broken build' : ''}`)
  const result = await runCrashTest({ tree: broken?.tree ?? root, rounds: Number(values.rounds), seed, report: console.log })
  const { lost, doubled, foreign, ...counts } = result
  console.log(JSON.stringify({ ...counts, lost: lost.length, doubled: doubled.length, foreign: foreign.length }))
  for (const line of [...lost.slice(0, 5), ...doubled.slice(0, 5), ...foreign.slice(0, 5)]) console.log(`  ${line}`)
  const clean = lost.length + doubled.length + foreign.length === 0
  console.log(values.broken ? (clean ? 'the broken build was NOT noticed' : 'the broken build was noticed') : clean ? 'every acknowledged line exactly once' : 'FAILED')
  process.exitCode = clean === values.broken ? 1 : 0
} finally {
  await broken?.remove()
}
