/** `node test/integration/netns/main.ts [--rounds N] [--cuts nats,store-in,…]`: rounds of cuts in network namespaces, each cut in turn. Needs root and `ip`. */
import { parseArgs } from 'node:util'
import { whyNoNamespaces } from './namespaces.ts'
import { CUTS, type Cut } from './rounds.ts'
import { runInNamespaces } from './run.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: String(CUTS.length) }, cuts: { type: 'string', default: CUTS.join(',') } } })
const reason = whyNoNamespaces()
if (reason !== null) {
  console.log(reason)
  process.exit(1)
}
const kinds = values.cuts.split(',').filter((cut): cut is Cut => (CUTS as ReadonlyArray<string>).includes(cut))
const cuts = Array.from({ length: Number(values.rounds) }, (_, round) => kinds[round % kinds.length]!)
const { lost, doubled, foreign, ...counts } = await runInNamespaces(cuts, console.log)
console.log(JSON.stringify({ ...counts, lost: lost.length, doubled: doubled.length, foreign: foreign.length }))
for (const line of [...lost.slice(0, 5), ...doubled.slice(0, 5), ...foreign.slice(0, 5)]) console.log(`  ${line}`)
if (lost.length + doubled.length + foreign.length > 0) process.exitCode = 1
