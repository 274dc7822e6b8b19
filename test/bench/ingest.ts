/** Ingest, everything counted: HTTP to flushed segments, node and nats-server together. `npm run bench -- ingest`. */
import { makeBodies, pushAll } from './bodies.ts'
import { NodeUnderTest } from './node-under-test.ts'

const RAW_BYTES = 256 * 1024 * 1024
const CONNECTIONS = 4
const MB = 1024 * 1024

export async function benchIngest(): Promise<Record<string, string | number>> {
  const { bodies, rawBytes, lineCount } = makeBodies(RAW_BYTES, BigInt(Date.now() - 3_600_000) * 1_000_000n)
  const node = await NodeUnderTest.start()
  try {
    const cpuBefore = node.cpuSeconds()
    const begun = performance.now()
    const latencies = await pushAll(node.url, bodies, CONNECTIONS)
    const pushSeconds = (performance.now() - begun) / 1000
    const flushed = await fetch(`${node.url}/flush`, { method: 'POST' })
    if (flushed.status !== 204) throw new Error(`flush answered ${flushed.status}`)
    const cpuSeconds = node.cpuSeconds() - cpuBefore
    const { bytes, objects } = await node.storedBytes()
    const peak = node.peakMb()
    return {
      'raw MB': rawBytes / MB,
      lines: lineCount,
      'MB of lines per CPU second, flush included': rawBytes / MB / cpuSeconds,
      'MB/s pushed': rawBytes / MB / pushSeconds,
      'push p50 ms': latencies[latencies.length >> 1]!,
      'push p99 ms': latencies[Math.floor(latencies.length * 0.99)]!,
      'peak memory of the node, MB': peak.node,
      'peak memory of nats-server, MB': peak.nats,
      'stored / raw': bytes / rawBytes,
      objects,
    }
  } finally {
    await node.remove()
  }
}
