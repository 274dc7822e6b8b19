/**
 * What a search for an id fetches from the bucket, cold, counted at a real S3 server: everything since the node's restart. The bars are those for 512 MB of
 * lines (2 % and 3 % of stored); here the data is small, and the one block that holds a present id is a larger share of it (`npm run bench -- search-cost`).
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { makeBodies, pushAll } from '../bench/bodies.ts'
import { dataPushes } from '../bench/data.ts'
import { linesOf, query, startTestNode, type TestNode } from '../support/node.ts'
import { startS3Proxy, type S3Proxy } from '../support/s3-proxy.ts'
import { startS3, type TestS3 } from '../support/s3.ts'

const RAW_BYTES = 12 * 1024 * 1024

describe('a search for an id in a bucket', () => {
  let s3: TestS3
  let proxy: S3Proxy
  let node: TestNode
  let storedBytes = 0
  beforeAll(async () => {
    s3 = await startS3()
    proxy = await startS3Proxy(s3.url)
    process.env['AWS_ACCESS_KEY_ID'] = s3.credentials.accessKeyId
    process.env['AWS_SECRET_ACCESS_KEY'] = s3.credentials.secretAccessKey
    node = await startTestNode({ environment: { SKALD_OBJECT_STORE_URL: proxy.url, SKALD_LIMITS_CONFIG_REJECT_OLD_SAMPLES: 'false' } })
    await pushAll(node.url, makeBodies(RAW_BYTES, BigInt(Date.now() - 600_000) * 1_000_000n).bodies, 4)
    expect((await fetch(`${node.url}/flush`, { method: 'POST' })).status).toBe(204)
    for await (const { sizeBytes } of s3.open().list('segments/')) storedBytes += sizeBytes
  })
  afterAll(async () => {
    await node?.remove()
    await proxy?.stop()
    await s3?.stop()
  })

  const search = async (id: string, environment: Readonly<Record<string, string>> = {}): Promise<{ lines: string[]; share: number; again: number }> => {
    await node.stop()
    proxy.reset()
    await node.restart(environment)
    const ask = (): Promise<string[]> => query(node.url, `{env="prod"} |= "${id}"`).then(linesOf)
    const lines = await ask()
    const first = proxy.servedBytes
    await ask()
    return { lines, share: first / storedBytes, again: proxy.servedBytes - first }
  }

  it('fetches at most 2 % of what is stored to say that it is absent, and nothing the second time', async () => {
    const { lines, share, again } = await search('f00dfeedc0ffee42')
    expect(lines).toEqual([])
    expect(share).toBeLessThan(0.02)
    expect(again).toBe(0)
  })

  it('fetches little more than one block to find it, and nothing the second time', async () => {
    const line = [...dataPushes(RAW_BYTES)].flatMap((push) => push.lines).filter((text) => /trace_id=[0-9a-f]{16}$/.test(text))[5_000]!
    const { lines, share, again } = await search(line.slice(-16))
    expect(lines).toEqual([line])
    expect(share).toBeLessThan(0.1)
    expect(again).toBe(0)
  })

  it('fetches nothing, even after a restart, what a cache on disk has kept', async () => {
    const cache = { SKALD_MEMORY_DISK_CACHE: '64MB' }
    expect((await search('f00dfeedc0ffee42', cache)).share).toBeGreaterThan(0)
    // A piece that was still being written when the node stopped is fetched, and kept, once more.
    await vi.waitFor(async () => expect(await search('f00dfeedc0ffee42', cache)).toEqual({ lines: [], share: 0, again: 0 }), { timeout: 30_000 })
  })
})
