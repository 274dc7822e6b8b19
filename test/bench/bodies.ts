/** Push bodies of the benchmark's own data: snappy protobuf, eight streams of about 120 KB a push, the shape of a busy agent. */
import snappy from 'snappy'
import { PushEncoder } from '../../protocols/push/encode-protobuf.ts'
import { dataPushes, type DataPush } from './data.ts'

export interface BenchBodies {
  readonly bodies: ReadonlyArray<Buffer>
  readonly rawBytes: number
  readonly lineCount: number
  /** Times of the first and behind the last line, ns. */
  readonly startNs: bigint
  readonly endNs: bigint
}

const STREAMS_PER_PUSH = 8
const LINE_DISTANCE_NS = 50_000

export function makeBodies(rawBytes: number, startNs: bigint): BenchBodies {
  const bodies: Buffer[] = []
  let made = 0
  let lineCount = 0
  let group: DataPush[] = []
  const close = (): void => {
    bodies.push(snappy.compressSync(encode(group, startNs, lineCount)))
    lineCount += group.reduce((sum, push) => sum + push.lines.length, 0)
    group = []
  }
  for (const push of dataPushes(rawBytes)) {
    group.push(push)
    made += push.lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0)
    if (group.length === STREAMS_PER_PUSH) close()
  }
  if (group.length > 0) close()
  return { bodies, rawBytes: made, lineCount, startNs, endNs: startNs + BigInt(lineCount * LINE_DISTANCE_NS) }
}

function encode(group: ReadonlyArray<DataPush>, startNs: bigint, linesBefore: number): Buffer {
  const encoder = new PushEncoder()
  let at = linesBefore
  for (const { labels, lines } of group) {
    for (const text of lines) {
      const ns = startNs + BigInt(at++ * LINE_DISTANCE_NS)
      const line = Buffer.from(text)
      encoder.entry(Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n), line, 0, line.length, null, 0, 0)
    }
    encoder.endStream(labels)
  }
  return encoder.finish()
}

/** Pushes all bodies over `connections` keep-alive connections; latencies in ms, ascending. */
export async function pushAll(url: string, bodies: ReadonlyArray<Buffer>, connections: number): Promise<number[]> {
  const latencies: number[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
        const begun = performance.now()
        const answer = await fetch(`${url}/loki/api/v1/push`, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body: new Uint8Array(body) })
        if (answer.status !== 204) throw new Error(`push answered ${answer.status}: ${await answer.text()}`)
        latencies.push(performance.now() - begun)
      }
    }),
  )
  return latencies.sort((a, b) => a - b)
}
