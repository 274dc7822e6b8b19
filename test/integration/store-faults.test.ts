/** A bucket that fails in every way, through the whole node: nothing lost, nothing doubled, memory within its budget, warnings instead of errors (Q3), and no restart. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { linesOf, nowNs, push, query, startTestNode, until, type TestNode } from '../support/node.ts'
import { startS3Proxy, type S3Fault, type S3Proxy } from '../support/s3-proxy.ts'
import { startS3, type TestS3 } from '../support/s3.ts'

const BUDGET = '64MB'
/** Objects with lines or ids: where there are many segments, older ids are in an object of their own. */
const DATA = /\/(segments|ids)\//

describe('a node whose bucket', { timeout: 60_000 }, () => {
  let s3: TestS3
  let proxy: S3Proxy
  let node: TestNode
  beforeAll(async () => {
    s3 = await startS3()
    proxy = await startS3Proxy(s3.url)
    process.env['AWS_ACCESS_KEY_ID'] = s3.credentials.accessKeyId
    process.env['AWS_SECRET_ACCESS_KEY'] = s3.credentials.secretAccessKey
    const quick = { SKALD_OBJECT_STORE_REQUEST_TIMEOUT: '1s', SKALD_OBJECT_STORE_RETRIES: '2' }
    node = await startTestNode({ environment: { SKALD_OBJECT_STORE_URL: proxy.url, SKALD_MEMORY_BUDGET: BUDGET, ...quick } })
  })
  afterAll(async () => {
    await node?.remove()
    await proxy?.stop()
    await s3?.stop()
  })

  const lines = (fault: string, part: string): string[] => Array.from({ length: 200 }, (_, i) => `${fault} ${part} line ${i}`)
  const pushed = async (fault: string, part: string): Promise<void> => {
    const at = nowNs()
    expect((await push(node.url, { app: 'faults', fault }, lines(fault, part).map((line, i) => [at + BigInt(i), line]))).status).toBe(204)
  }
  const flushed = (): Promise<Response> => fetch(`${node.url}/flush`, { method: 'POST' })
  const held = async (): Promise<number> => {
    const text = await (await fetch(`${node.url}/metrics`)).text()
    return [...text.matchAll(/^skald_memory_(heads|mailboxes|encoders|caches|queries)_bytes (\S+)/gm)].reduce((sum, match) => sum + Number(match[2]), 0)
  }

  it.each<S3Fault>(['refuse', 'unavailable', 'stall'])('does this to writes: %s', async (fault) => {
    await pushed(fault, 'first')
    proxy.reset()
    proxy.faults = (method, path) => (method === 'PUT' && DATA.test(path) ? fault : undefined)
    const flushing = flushed()
    await until('the store has been tried again and again', async () => proxy.faulted >= 3)
    await pushed(fault, 'second')
    const all = [...lines(fault, 'first'), ...lines(fault, 'second')].sort()
    const during = await query(node.url, `{fault="${fault}"}`)
    expect(linesOf(during)).toEqual(all)
    expect(await held()).toBeLessThan(64 * 2 ** 20)
    proxy.faults = () => undefined
    expect((await flushing).status).toBe(204)
    expect((await flushed()).status).toBe(204)
    const after = await query(node.url, `{fault="${fault}"}`)
    expect([linesOf(after), after.warnings ?? []]).toEqual([all, []])
  })

  it.each<S3Fault>(['refuse', 'unavailable', 'stall', 'truncate', 'flip-bit', 'forget'])('does this to reads: %s', async (fault) => {
    const name = `read ${fault}`
    await pushed(name, 'stored')
    expect((await flushed()).status).toBe(204)
    await pushed(name, 'fresh')
    proxy.faults = (method, path) => (method === 'GET' && DATA.test(path) ? fault : undefined)
    const partial = await query(node.url, `{fault="${name}"}`)
    expect(linesOf(partial)).toEqual(lines(name, 'fresh').sort())
    expect(partial.warnings?.join('\n')).toMatch(/segment segments\/p0\/\S+ could not be read and is missing from the answer/)
    proxy.faults = () => undefined
    const whole = await query(node.url, `{fault="${name}"}`)
    expect([linesOf(whole), whole.warnings ?? []]).toEqual([[...lines(name, 'stored'), ...lines(name, 'fresh')].sort(), []])
  })

  it('flips a single bit once: the read is repeated, and nobody notices', async () => {
    await pushed('one bit', 'stored')
    expect((await flushed()).status).toBe(204)
    let flips = 1
    proxy.faults = (method, path) => (method === 'GET' && DATA.test(path) && flips-- > 0 ? 'flip-bit' : undefined)
    const answer = await query(node.url, '{fault="one bit"}')
    expect([linesOf(answer), answer.warnings ?? []]).toEqual([lines('one bit', 'stored').sort(), []])
  })

  it('does not answer at a start: a retried push waits in the log until its id can be known, others do not (W1)', async () => {
    const at = nowNs()
    const once = (): Promise<Response> => push(node.url, { fault: 'ids' }, [[at, 'with an id']], { 'x-skald-push-id': 'retried' })
    const count = async (): Promise<number> => {
      const { data } = await query(node.url, 'sum(count_over_time({fault="ids"}[1h]))', { since: '1h', step: '3600' }, { 'Cache-Control': 'no-cache' })
      return Number((data.result as unknown as ReadonlyArray<{ values: ReadonlyArray<readonly [number, string]> }>)[0]?.values.at(-1)?.[1] ?? 0)
    }
    expect((await once()).status).toBe(204)
    expect((await flushed()).status).toBe(204)
    proxy.faults = (method, path) => (method === 'GET' && DATA.test(path) ? 'unavailable' : undefined)
    await node.restart({ SKALD_QUERIER_CATCH_UP_TIMEOUT: '300ms' })
    expect((await push(node.url, { fault: 'ids' }, [[at + 1n, 'without']])).status).toBe(204)
    await until('the ids have been asked for in vain', async () => linesOf(await query(node.url, '{fault="ids"}')).join() === 'without', 40_000)
    expect((await once()).status).toBe(204)
    const during = await query(node.url, '{fault="ids"}')
    expect(linesOf(during)).toEqual(['without'])
    expect(during.warnings?.join()).toMatch(/its owner has not yet applied all acknowledged entries/)
    proxy.faults = () => undefined
    await until('all is there', async () => (await query(node.url, '{fault="ids"}')).warnings === undefined)
    expect([linesOf(await query(node.url, '{fault="ids"}')), await count()]).toEqual([['with an id', 'without'], 2])
  })

  it('is slow at a start: the node serves at once, a query waits for the ids, and a retried push is there once (W1, Q2)', async () => {
    const at = nowNs()
    const once = (): Promise<Response> => push(node.url, { fault: 'slow ids' }, [[at, 'with an id']], { 'x-skald-push-id': 'slow' })
    expect((await once()).status).toBe(204)
    expect((await flushed()).status).toBe(204)
    proxy.reset()
    proxy.faults = (method, path) => (method === 'GET' && DATA.test(path) ? 'stall' : undefined)
    await node.restart()
    expect((await once()).status).toBe(204)
    const asked = query(node.url, '{fault="slow ids"}')
    await until('the ids have been asked for', async () => proxy.faulted > 0)
    proxy.faults = () => undefined
    const answer = await asked
    expect([linesOf(answer), answer.warnings ?? []]).toEqual([['with an id'], []])
  })
})
