/**
 * `npm run simulate -- --seed N [--seeds COUNT] [--nodes N] [--partitions N] [--ms N] [--faults a,b] [--trace] [--log]`: simulated histories, one line each.
 * `--explore leases|catalog|both [--losses N] [--states N]` visits all interleavings of two owners instead; `--scale [--streams N]` starts a large cluster.
 */
import { parseArgs } from 'node:util'
import { createLogger } from '../../runtime/log.ts'
import { explore } from './explore.ts'
import { FAULT_KINDS, type FaultKind } from './faults.ts'
import { OwnershipModel, type ModelOptions } from './ownership-model.ts'
import { simulateScale } from './scale.ts'
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
    explore: { type: 'string' },
    losses: { type: 'string', default: '1' },
    states: { type: 'string', default: '2000000' },
    scale: { type: 'boolean', default: false },
    streams: { type: 'string', default: '1000000' },
  },
})

if (values.explore !== undefined) exploreAll(values.explore as ModelOptions['parts'])
else if (values.scale) console.log(JSON.stringify(await simulateScale({ seed: Number(values.seed), nodes: Number(values.nodes), partitions: Number(values.partitions), streams: Number(values.streams), report: (line) => console.log(line) }), null, 2))
else await simulateSeeds()

function exploreAll(parts: ModelOptions['parts']): void {
  const model = new OwnershipModel({ parts, rates: [1, 1], faults: Number(values.losses), leaseEpochsMax: 2, leaseWritesMax: 4, exclusiveLeases: true })
  const { violation, ...counts } = explore(model, Number(values.states))
  console.log(JSON.stringify(counts))
  if (violation === null) return
  console.log([violation.what, ...violation.history].join('\n  '))
  process.exitCode = 1
}

async function simulateSeeds(): Promise<void> {
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
}
