/**
 * `node test/bench/cluster.ts [--nodes 1,4] [--mb 120] [--rounds 5] [--rate 20] [--warm 800] [--idle 5]`: what a MB of lines costs in CPU on so many nodes against one nats-server.
 * All clusters run at once and are warm (each thread of each node compiles its code for itself, which is no cost of a node that runs for days; after 90 MB it still shows). First the cost of doing nothing
 * is measured; then they take turns with the same data at one rate (MB/s), a push to each node in turn, and flush. Machines change their pace from minute to minute, so what is
 * compared is a round's pair, and the median of all rounds is shown. All processes are counted. With `taskset -c 0` in front all share one core. Linux only.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Topology } from '../integration/cluster/topology.ts'
import { type BenchBodies, makeBodies } from './bodies.ts'

const { values } = parseArgs({
  options: { nodes: { type: 'string', default: '1,4' }, mb: { type: 'string', default: '120' }, rounds: { type: 'string', default: '5' }, rate: { type: 'string', default: '20' }, warm: { type: 'string', default: '800' }, idle: { type: 'string', default: '5' } },
})
const MB = 1e6
const NS_PER_S = 1e9
const IN_FLIGHT = 8
const LIMITS = {
  SKALD_LIMITS_CONFIG_INGESTION_RATE_MB: '1000',
  SKALD_LIMITS_CONFIG_INGESTION_BURST_SIZE_MB: '1000',
  SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT: '1GB',
  SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT_BURST: '1GB',
  SKALD_LIMITS_CONFIG_SHARD_STREAMS_ENABLED: 'false',
  SKALD_LOG_LEVEL: 'error',
}
const KINDS = ['event loops', 'worker threads', 'V8', 'nats-server'] as const
type Kind = (typeof KINDS)[number]
type CpuSeconds = Record<Kind, number>

interface Measured {
  readonly nodes: number
  readonly topology: Topology
  /** Of a core, while nothing is pushed. */
  idle: number
  /** CPU s/GB of each round. */
  readonly rounds: CpuSeconds[]
}

const zero = (): CpuSeconds => ({ 'event loops': 0, 'worker threads': 0, V8: 0, 'nats-server': 0 })
const sum = (cpu: CpuSeconds): number => KINDS.reduce((all, kind) => all + cpu[kind], 0)
const each = (change: (kind: Kind) => number): CpuSeconds => Object.fromEntries(KINDS.map((kind) => [kind, change(kind)])) as CpuSeconds
const median = (numbers: ReadonlyArray<number>): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!
const shown = (number: number): number => Number(number.toFixed(2))

/** Since they started, by thread, since only threads are counted in nanoseconds. */
function cpuOf({ topology }: Measured): CpuSeconds {
  const cpu = zero()
  for (const { pid } of topology.nodes) for (const [kind, seconds] of threadsOf(pid!)) cpu[kind] += seconds
  for (const [, seconds] of threadsOf(topology.nats.pid(0))) cpu['nats-server'] += seconds
  return cpu
}

function threadsOf(pid: number): Array<[Kind, number]> {
  return readdirSync(`/proc/${pid}/task`).map((tid) => {
    const name = readFileSync(`/proc/${pid}/task/${tid}/comm`, 'utf8').trim()
    const kind = Number(tid) === pid ? 'event loops' : name.startsWith('V8') ? 'V8' : 'worker threads'
    return [kind, Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]) / NS_PER_S]
  })
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

/** The cost of the data alone: what the time takes anyway is left out, and told apart. */
async function measure(measured: Measured, data: BenchBodies): Promise<void> {
  const before = cpuOf(measured)
  const begun = performance.now()
  await pushAndFlush(measured.topology, data, Number(values.rate))
  const idleSeconds = (measured.idle * (performance.now() - begun)) / 1_000
  const after = cpuOf(measured)
  measured.rounds.push(each((kind) => ((after[kind] - before[kind] - (kind === 'event loops' ? idleSeconds : 0)) / data.rawBytes) * 1e9))
}

async function measureIdle(all: ReadonlyArray<Measured>): Promise<void> {
  const before = all.map(cpuOf)
  await sleep(Number(values.idle) * 1_000)
  for (const [i, measured] of all.entries()) measured.idle = (sum(cpuOf(measured)) - sum(before[i]!)) / Number(values.idle)
}

function show(measured: Measured, first: Measured): void {
  const { nodes, idle, rounds } = measured
  const atRate = (one: Measured, round: number): number => sum(one.rounds[round]!) + (one.idle * 1_000) / Number(values.rate)
  console.log(JSON.stringify({
    nodes,
    cpu_s_per_GB: shown(median(rounds.map(sum))),
    by: each((kind) => shown(median(rounds.map((cpu) => cpu[kind])))),
    idle_percent_of_a_core: shown(idle * 100),
    times_the_first: shown(median(rounds.map((cpu, i) => sum(cpu) / sum(first.rounds[i]!)))),
    with_idle: shown(median(rounds.map((_, i) => atRate(measured, i) / atRate(first, i)))),
  }))
}

const all: Measured[] = []
try {
  for (const nodes of values.nodes.split(',').map(Number)) all.push({ nodes, topology: await Topology.start({ nodes, nats: 1, partitions: 4, store: 'files', environment: LIMITS }), idle: 0, rounds: [] })
  const beganMs = Date.now() - 7_200_000
  const dataOf = (mb: number, round: number): BenchBodies => makeBodies(mb * MB, BigInt(beganMs + round * 60_000) * 1_000_000n)
  const warm = dataOf(Number(values.warm), 0)
  for (const { nodes, topology } of all) for (let i = 0; i < nodes; i++) await pushAndFlush(topology, warm, Number.POSITIVE_INFINITY)
  await measureIdle(all)
  for (let round = 1; round <= Number(values.rounds); round++) {
    const data = dataOf(Number(values.mb), round)
    for (const measured of round % 2 === 0 ? all : all.toReversed()) await measure(measured, data)
    console.log(JSON.stringify({ round, cpu_s_per_GB: all.map(({ rounds }) => shown(sum(rounds.at(-1)!))) }))
  }
  for (const measured of all) show(measured, all[0]!)
} finally {
  for (const { topology } of all) await topology.stop()
}
