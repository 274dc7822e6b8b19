/**
 * What a search for one id costs in bytes of the bucket, cold: a node over a real S3 server, restarted before each search; everything that is served since
 * the restart counts. `npm run bench -- search-cost`.
 */
import { startS3Proxy } from '../support/s3-proxy.ts'
import { startS3 } from '../support/s3.ts'
import { makeBodies, pushAll } from './bodies.ts'
import { dataPushes } from './data.ts'
import { NodeUnderTest } from './node-under-test.ts'

const RAW_BYTES = 512 * 1024 * 1024
const MB = 1024 * 1024
const ABSENT = 'f00dfeedc0ffee42'
const CONNECTIONS = 4

export async function benchSearchCost(): Promise<Record<string, string | number>> {
  const { bodies, rawBytes, startNs, endNs } = makeBodies(RAW_BYTES, BigInt(Date.now() - 3_600_000) * 1_000_000n)
  const s3 = await startS3()
  const proxy = await startS3Proxy(s3.url)
  const node = await NodeUnderTest.start({ SKALD_OBJECT_STORE_URL: proxy.url, AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey })
  const search = async (id: string): Promise<{ bytes: number; lines: number; ms: number }> => {
    await node.restart()
    const begun = performance.now()
    const query = new URLSearchParams({ query: `{env="prod"} |= "${id}"`, start: String(startNs), end: String(endNs), limit: '100' })
    const answer = await fetch(`${node.url}/loki/api/v1/query_range?${query}`)
    if (answer.status !== 200) throw new Error(`query answered ${answer.status}: ${await answer.text()}`)
    const { data } = (await answer.json()) as { data: { result: ReadonlyArray<{ values: ReadonlyArray<unknown> }> } }
    return { bytes: proxy.servedBytes, lines: data.result.reduce((sum, { values }) => sum + values.length, 0), ms: performance.now() - begun }
  }
  try {
    await pushAll(node.url, bodies, CONNECTIONS)
    await fetch(`${node.url}/flush`, { method: 'POST' })
    const sizes: number[] = []
    for await (const { sizeBytes } of s3.open().list('segments/')) sizes.push(sizeBytes)
    const stored = sizes.reduce((a, b) => a + b, 0)
    proxy.reset()
    const absent = await search(ABSENT)
    proxy.reset()
    const present = await search(idInTheMiddle())
    return {
      'raw MB': rawBytes / MB,
      'stored MB': stored / MB,
      objects: sizes.length,
      'absent id: % of stored bytes fetched': (100 * absent.bytes) / stored,
      'absent id: ms': absent.ms,
      'absent id: lines': absent.lines,
      'present id: % of stored bytes fetched': (100 * present.bytes) / stored,
      'present id: ms': present.ms,
      'present id: lines': present.lines,
    }
  } finally {
    await node.remove()
    await proxy.stop()
    await s3.stop()
  }
}

function idInTheMiddle(): string {
  let bytes = 0
  for (const { lines } of dataPushes(RAW_BYTES)) {
    bytes += lines.reduce((sum, line) => sum + line.length, 0)
    const id = /trace_id=([0-9a-f]{16})$/.exec(lines[lines.length >> 1] ?? '')?.[1]
    if (bytes > RAW_BYTES / 2 && id !== undefined) return id
  }
  throw new Error('no id in the data')
}
