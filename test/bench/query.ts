/** Queries over flushed data after a restart, result caches bypassed: median and first (cold) milliseconds. `npm run bench -- query`. */
import { makeBodies, pushAll, type BenchBodies } from './bodies.ts'
import { NodeUnderTest } from './node-under-test.ts'

const RAW_BYTES = 256 * 1024 * 1024
const RUNS = 5
const POINTS = 60

interface BenchQuery {
  readonly text: (window: string) => string
  readonly limit?: number
}

const QUERIES: Readonly<Record<string, BenchQuery>> = {
  latest100: { text: () => '{env="prod"}', limit: 100 },
  needle: { text: () => '{env="prod"} |= "zzzz-not-there"', limit: 100 },
  needle_id: { text: () => '{env="prod"} |= "0123456789abcdef"', limit: 100 },
  count_all: { text: (w) => `sum by (system) (count_over_time({env="prod"}[${w}]))` },
  count_filter: { text: (w) => `sum by (system) (count_over_time({env="prod"} |= "error" [${w}]))` },
  count_regex: { text: (w) => `sum by (system) (count_over_time({env="prod"} |~ "(?i)fail(ed|ure)" [${w}]))` },
  logfmt_by_level: { text: (w) => `sum by (level) (count_over_time({system="checkout"} | logfmt [${w}]))` },
  json_p99: { text: (w) => `quantile_over_time(0.99, {system="storefront"} | json | unwrap duration_ms [${w}]) by (method)` },
  json_status: { text: (w) => `sum by (status) (rate({system="storefront"} | json | status>=400 [${w}]))` },
}

export async function benchQuery(): Promise<Record<string, string | number>> {
  const data = makeBodies(RAW_BYTES, BigInt(Date.now() - 3_600_000) * 1_000_000n)
  const node = await NodeUnderTest.start()
  try {
    await pushAll(node.url, data.bodies, 4)
    await fetch(`${node.url}/flush`, { method: 'POST' })
    await node.restart()
    const figures: Record<string, string | number> = { 'raw MB': data.rawBytes / 2 ** 20, lines: data.lineCount }
    for (const [name, query] of Object.entries(QUERIES)) figures[name] = await time(node, data, query)
    return figures
  } finally {
    await node.remove()
  }
}

async function time(node: NodeUnderTest, data: BenchBodies, query: BenchQuery): Promise<string> {
  const seconds = Number((data.endNs - data.startNs) / 1_000_000_000n)
  const step = Math.max(1, Math.floor(seconds / POINTS))
  const parameters = new URLSearchParams({ query: query.text(`${step}s`), start: String(data.startNs), end: String(data.endNs), step: String(step), limit: String(query.limit ?? 100) })
  const times: number[] = []
  const cpuBefore = node.cpuSeconds()
  for (let run = 0; run < RUNS; run++) {
    const begun = performance.now()
    const answer = await fetch(`${node.url}/loki/api/v1/query_range?${parameters}`, { headers: { 'cache-control': 'no-cache' } })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`query answered ${answer.status}: ${text}`)
    times.push(performance.now() - begun)
  }
  const cpu = (node.cpuSeconds() - cpuBefore) / RUNS
  const first = times[0]!
  const median = times.sort((a, b) => a - b)[RUNS >> 1]!
  return `median ${median.toFixed(0)} ms, first ${first.toFixed(0)} ms, ${cpu.toFixed(2)} CPU s`
}
