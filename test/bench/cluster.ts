/**
 * `taskset -c 0 node test/bench/cluster.ts [--nodes 1,4] [--mb 150] [--rate 15] [--warm 250]`: what a MB of lines costs in CPU on so many nodes against one nats-server, pushed to
 * one node after the other at one rate (MB/s) and flushed; all processes counted. On one core, because a CPU second does less the busier the other core is that it shares its
 * caches with; after so many MB a node, because each thread of each node compiles its code for itself, which is no cost of a node that runs for days. Linux only.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Topology } from '../integration/cluster/topology.ts'
import { type BenchBodies, makeBodies } from './bodies.ts'

const { values } = parseArgs({ options: { nodes: { type: 'string', default: '1,4' }, mb: { type: 'string', default: '150' }, rate: { type: 'string', default: '15' }, warm: { type: 'string', default: '250' } } })
const MB = 1e6
const TICKS_PER_S = 100
const IN_FLIGHT = 8
const LIMITS = {
  SKALD_LIMITS_CONFIG_INGESTION_RATE_MB: '1000',
  SKALD_LIMITS_CONFIG_INGESTION_BURST_SIZE_MB: '1000',
  SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT: '1GB',
  SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT_BURST: '1GB',
  SKALD_LIMITS_CONFIG_SHARD_STREAMS_ENABLED: 'false',
  SKALD_LOG_LEVEL: 'error',
  // As `npm start` does.
  NODE_OPTIONS: '--max-semi-space-size=4',
}

function cpuSeconds(pids: ReadonlyArray<number>): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S
  }, 0)
}

async function push(url: string, body: Buffer): Promise<void> {
  const answer = await fetch(`${url}/loki/api/v1/push`, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body: new Uint8Array(body) })
  if (answer.status !== 204) throw new Error(`push answered ${answer.status}: ${await answer.text()}`)
}

/** To each node in turn, as behind a load balancer. */
async function pushAndFlush({ urls }: Topology, { bodies, rawBytes }: BenchBodies, mbPerS: number): Promise<void> {
  const periodMs = (rawBytes / bodies.length / (mbPerS * MB)) * 1_000
  const begun = performance.now()
  const pushes = new Set<Promise<void>>()
  for (const [i, body] of bodies.entries()) {
    const waitMs = begun + i * periodMs - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    if (pushes.size >= IN_FLIGHT) await Promise.race(pushes)
    const one: Promise<void> = push(urls[i % urls.length]!, body).finally(() => pushes.delete(one))
    pushes.add(one)
  }
  await Promise.all(pushes)
  for (const url of urls) await fetch(`${url}/flush`, { method: 'POST' })
}

const measured = makeBodies(Number(values.mb) * MB, BigInt(Date.now() - 3_600_000) * 1_000_000n)
for (const nodes of values.nodes.split(',').map(Number)) {
  const warm = makeBodies(nodes * Number(values.warm) * MB, BigInt(Date.now() - 7_200_000) * 1_000_000n)
  const topology = await Topology.start({ nodes, nats: 1, partitions: 4, store: 'files', environment: LIMITS })
  try {
    const pids = [...topology.nodes.map((node) => node.pid!), topology.nats.pid(0)]
    await pushAndFlush(topology, warm, Number.POSITIVE_INFINITY)
    const before = cpuSeconds(pids)
    const begun = performance.now()
    await pushAndFlush(topology, measured, Number(values.rate))
    const seconds = cpuSeconds(pids) - before
    const tookS = (performance.now() - begun) / 1_000
    console.log(JSON.stringify({ nodes, mb: Math.round(measured.rawBytes / MB), cpu_s: Number(seconds.toFixed(1)), cpu_s_per_GB: Number(((seconds / measured.rawBytes) * 1e9).toFixed(1)), cores_busy: Number((seconds / tookS).toFixed(2)) }))
  } finally {
    await topology.stop()
  }
}
