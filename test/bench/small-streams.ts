/**
 * Many small streams: 50,000 of 20 short lines each, against the same lines in 50 streams. `npm run bench -- small-streams`.
 */
import snappy from 'snappy'
import { PushEncoder } from '../../protocols/push/encode-protobuf.ts'
import { seeded } from '../support/push-bodies.ts'
import { pushAll } from './bodies.ts'
import { SYSTEMS } from './data.ts'
import { NodeUnderTest } from './node-under-test.ts'

const STREAMS = 50_000
const LINES_PER_STREAM = 20
const FEW_STREAMS = 50
const STREAMS_PER_PUSH = 500
const CONNECTIONS = 4
const MB = 1024 * 1024
const LIMITS = { SKALD_LIMITS_CONFIG_MAX_GLOBAL_STREAMS_PER_USER: '100000' }

interface Stored {
  readonly bytes: number
  readonly objects: number
  readonly peakMb: number
  readonly seconds: number
}

export async function benchSmallStreams(): Promise<Record<string, string | number>> {
  const lines = shortLines()
  const many = await store(lines, STREAMS)
  const few = await store(lines, FEW_STREAMS)
  return {
    lines: lines.length,
    'raw MB': lines.reduce((sum, line) => sum + line.length, 0) / MB,
    [`objects, ${STREAMS} streams`]: many.objects,
    [`stored MB, ${STREAMS} streams`]: many.bytes / MB,
    [`stored MB, ${FEW_STREAMS} streams`]: few.bytes / MB,
    'stored, many / few': many.bytes / few.bytes,
    [`peak memory of node and nats-server, MB, ${STREAMS} streams`]: many.peakMb,
    [`pushed and flushed in s, ${STREAMS} streams`]: many.seconds,
  }
}

/** In the order in which the streams bring them: each stream is one of a few systems. */
function shortLines(): Buffer[] {
  const random = seeded(7)
  const systems = ['sshd', 'cluster', 'database'] as const
  return Array.from({ length: STREAMS * LINES_PER_STREAM }, (_, i) => Buffer.from(SYSTEMS[systems[Math.floor(i / LINES_PER_STREAM) % systems.length]!]!(random, i)))
}

async function store(lines: ReadonlyArray<Buffer>, streamCount: number): Promise<Stored> {
  const node = await NodeUnderTest.start(LIMITS)
  try {
    const begun = performance.now()
    await pushAll(node.url, bodiesOf(lines, streamCount), CONNECTIONS)
    const flushed = await fetch(`${node.url}/flush`, { method: 'POST' })
    if (flushed.status !== 204) throw new Error(`flush answered ${flushed.status}`)
    const { bytes, objects } = await node.storedBytes()
    const peak = node.peakMb()
    return { bytes, objects, peakMb: peak.node + peak.nats, seconds: (performance.now() - begun) / 1000 }
  } finally {
    await node.remove()
  }
}

/** The same lines in the same order whatever the number of streams; 10,000 lines a push. */
function bodiesOf(lines: ReadonlyArray<Buffer>, streamCount: number): Buffer[] {
  const startNs = BigInt(Date.now() - 600_000) * 1_000_000n
  const bodies: Buffer[] = []
  const perPush = STREAMS_PER_PUSH * LINES_PER_STREAM
  for (let from = 0; from < lines.length; from += perPush) {
    const encoder = new PushEncoder()
    for (let at = from; at < from + perPush; at += LINES_PER_STREAM) {
      for (let k = at; k < at + LINES_PER_STREAM; k++) {
        const ns = startNs + BigInt(k) * 100_000n
        encoder.entry(Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n), lines[k]!, 0, lines[k]!.length, null, 0, 0)
      }
      const stream = (at / LINES_PER_STREAM) % streamCount
      encoder.endStream(`{app="worker", pod="worker-${stream}", system="s${stream % 3}"}`)
    }
    bodies.push(snappy.compressSync(encoder.finish()))
  }
  return bodies
}
