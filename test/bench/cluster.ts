/**
 * `node test/bench/cluster.ts [--mb 60]`: what a MB of lines costs in CPU on 1, 2 and 4 nodes against one nats-server, pushed round-robin and flushed; all
 * processes counted. Linux only.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Topology } from '../integration/cluster/topology.ts'
import { makeBodies, pushAll } from './bodies.ts'

const { values } = parseArgs({ options: { mb: { type: 'string', default: '60' } } })
const MB = 1e6
const TICKS_PER_S = 100
const IN_FLIGHT = 4
const WARM_BYTES = 120 * MB
const LIMITS = { SKALD_LIMITS_CONFIG_INGESTION_RATE_MB: '1000', SKALD_LIMITS_CONFIG_INGESTION_BURST_SIZE_MB: '1000', SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT: '1GB', SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT_BURST: '1GB', SKALD_LIMITS_CONFIG_SHARD_STREAMS_ENABLED: 'false', SKALD_LOG_LEVEL: 'error' }

function cpuSeconds(pids: ReadonlyArray<number>): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S
  }, 0)
}

const { bodies, rawBytes } = makeBodies(Number(values.mb) * MB, BigInt(Date.now() - 3_600_000) * 1_000_000n)

/** Compiled code and filled pools are not what a node costs. */
const { bodies: warm } = makeBodies(WARM_BYTES, BigInt(Date.now() - 7_200_000) * 1_000_000n)

/** Each node gets its share at once, as behind a load balancer. */
async function pushAndFlush({ urls }: Topology, all: ReadonlyArray<Buffer>): Promise<void> {
  await Promise.all(urls.map((url, node) => pushAll(url, all.filter((_body, i) => i % urls.length === node), Math.max(1, IN_FLIGHT / urls.length))))
  for (const url of urls) await fetch(`${url}/flush`, { method: 'POST' })
}

for (const nodes of [1, 2, 4]) {
  const topology = await Topology.start({ nodes, nats: 1, partitions: 4, store: 'files', environment: LIMITS })
  try {
    const pids = [...topology.nodes.map((node) => node.pid!), topology.nats.pid(0)]
    await pushAndFlush(topology, warm)
    const before = cpuSeconds(pids)
    await pushAndFlush(topology, bodies)
    const seconds = cpuSeconds(pids) - before
    console.log(JSON.stringify({ nodes, mb: Math.round(rawBytes / MB), cpu_s: Number(seconds.toFixed(1)), cpu_s_per_GB: Number(((seconds / rawBytes) * 1e9).toFixed(1)) }))
  } finally {
    await topology.stop()
  }
}
