/** Runs the fuzz of what is stored as often as asked: `npm run fuzz:storage -- [COUNT] [SEED]`, segments and WAL records each. */
import { fuzzRecords } from './record-fuzz.ts'
import { fuzzSegments } from './segment-fuzz.ts'

const [count = '100000', seed = '1'] = process.argv.slice(2)
for (const [what, fuzz] of [['segments', fuzzSegments], ['records', fuzzRecords]] as const) {
  const begunMs = performance.now()
  const { corrupt, unharmed } = await fuzz(Number(count), Number(seed))
  console.log(`${count} mutated ${what}: ${corrupt} refused as corrupt, ${unharmed} unharmed, none crashed or lied (${Math.round((performance.now() - begunMs) / 1000)} s)`)
}
