/** Runs the rounds inside the hub's namespace; prints what happens, and the result as JSON on its last line. `main.ts` and the test start it: arguments are a tag and the cuts. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { NamespacedCluster } from './cluster.ts'
import { spacesFor } from './run.ts'
import { runRounds, type Cut } from './rounds.ts'

const [tag = '', cuts = ''] = process.argv.slice(2)
const directory = await mkdtemp(path.join(tmpdir(), 'skald-netns-'))
const spaces = spacesFor(tag)
// Whoever started this may end it at any time: then nothing may stay behind.
process.once('SIGTERM', () => process.exit(143))
try {
  const cluster = await NamespacedCluster.start(spaces, directory)
  try {
    console.log(JSON.stringify(await runRounds(spaces, cluster, { cuts: cuts.split(',') as Cut[], report: console.log })))
  } finally {
    await cluster.stop()
  }
} finally {
  await rm(directory, { recursive: true, force: true })
}
process.exit(0)
