/** `npm run simulate -- --seed N [--seeds COUNT] [--nodes N] [--partitions N] [--ms N] [--faults a,b] [--trace] [--log]`: simulated histories, one line each. */
import { parseArgs } from 'node:util'
import { createLogger } from '../../runtime/log.ts'
import { FAULT_KINDS, type FaultKind } from './faults.ts'
import { simulate } from './simulation.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    nodes: { type: 'string', default: '3' },
    partitions: { type: 'string', default: '6' },
    ms: { type: 'string', default: '20000' },
    faults: { type: 'string', default: FAULT_KINDS.join(',') },
    trace: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
  },
})

const kinds = FAULT_KINDS.filter((kind): kind is FaultKind => values.faults.split(',').includes(kind))
for (let seed = Number(values.seed); seed < Number(values.seed) + Number(values.seeds); seed++) {
  const begunMs = performance.now()
  try {
    const result = await simulate({
      seed,
      nodes: Number(values.nodes),
      partitions: Number(values.partitions),
      faultsMs: Number(values.ms),
      kinds,
      ...(values.trace ? { onTrace: (line: string) => console.log(line) } : {}),
      ...(values.log ? { log: (name: string) => createLogger({ level: 'info', write: (line: string) => console.log(`${name} ${line.trimEnd()}`) }) } : {}),
    })
    console.log(JSON.stringify({ ...result, realMs: Math.round(performance.now() - begunMs) }))
    if (result.violations.length > 0) process.exitCode = 1
  } catch (error) {
    console.log(`seed ${seed}: ${String(error)}`)
    process.exitCode = 1
  }
}
