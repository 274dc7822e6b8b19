/** Runs the segment fuzz as often as asked: `node test/storage/segment-fuzz-main.ts [COUNT] [SEED]`. */
import { fuzzSegments } from './segment-fuzz.ts'

const [count = '100000', seed = '1'] = process.argv.slice(2)
const result = await fuzzSegments(Number(count), Number(seed))
console.log(`${count} mutated segments: ${result.corrupt} refused as corrupt, ${result.unharmed} unharmed, none crashed or lied`)
