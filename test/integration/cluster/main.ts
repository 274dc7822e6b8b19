/**
 * `npm run cluster -- [--nodes 3] [--nats 3] [--partitions 6] [--store s3|files]`: the topology of docker-compose.yml as processes, until Ctrl-C.
 * With `--rounds N [--seed N] [--minutes N]` it kills or restarts a node, or kills a nats-server, at random up to N times under load, and counts every line.
 */
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { runChaos } from './chaos.ts'
import { Topology } from './topology.ts'

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '3' },
    nats: { type: 'string', default: '3' },
    partitions: { type: 'string', default: '6' },
    store: { type: 'string', default: 's3' },
    rounds: { type: 'string' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
  },
})
const size = { nodes: countOf('nodes'), nats: countOf('nats'), partitions: countOf('partitions'), store: values.store === 'files' ? ('files' as const) : ('s3' as const) }

function countOf(name: 'nodes' | 'nats' | 'partitions'): number {
  const count = Number(values[name])
  if (Number.isInteger(count) && count > 0) return count
  console.error(`--${name} is ${values[name]}; a whole number from 1 on expected`)
  process.exit(2)
}

if (values.rounds === undefined) {
  const begun = performance.now()
  const topology = await Topology.start(size)
  console.log(`ready after ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  console.log(`nats   ${topology.nats.url}`)
  for (const [i, url] of topology.urls.entries()) console.log(`node ${i + 1} ${url}   ring: ${url}/ring`)
  console.log('Ctrl-C stops all')
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  await topology.stop()
} else {
  const seed = Number(values.seed ?? Date.now() % 2 ** 31)
  console.log(`seed ${seed}, ${values.rounds} rounds`)
  const result = await runChaos({ ...size, rounds: Number(values.rounds), seed, report: console.log, ...(values.minutes === undefined ? {} : { budgetMs: Number(values.minutes) * 60_000 }) })
  const { lost, doubled, foreign, failedQueries, ...counts } = result
  console.log(JSON.stringify({ ...counts, lost: lost.length, doubled: doubled.length, foreign: foreign.length, failedQueries: failedQueries.length }, null, 2))
  for (const line of [...lost.slice(0, 5), ...doubled.slice(0, 5), ...foreign.slice(0, 5), ...failedQueries.slice(0, 10)]) console.log(`  ${line}`)
  const isClean = lost.length + doubled.length + foreign.length + failedQueries.length === 0
  console.log(isClean ? 'every acknowledged line exactly once, every query answered' : 'FAILED')
  process.exitCode = isClean ? 0 : 1
}
