import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { parseTimeNs, showTimeNs } from '../../bin/query-time.ts'
import { runCommand } from '../support/command.ts'

class Refusal {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, text: string, headers: Readonly<Record<string, string>> = {}) {
    this.status = status
    this.text = text
    this.headers = headers
  }
}

const closers: Array<() => void> = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

async function node(answer: (url: URL, index: number) => unknown): Promise<{ url: string; asked: URL[] }> {
  const asked: URL[] = []
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://x')
    asked.push(url)
    const body = answer(url, asked.length - 1)
    if (body instanceof Refusal) response.writeHead(body.status, body.headers).end(body.text)
    else response.end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => { server.closeAllConnections(); server.close() })
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const streams = (...result: unknown[]): unknown => ({ status: 'success', data: { resultType: 'streams', result } })
const TWO = streams({ stream: { app: 'a' }, values: [['3000000000', 'third'], ['1000000000', 'first']] }, { stream: { app: 'b' }, values: [['2000000000', 'sec"ond']] })

describe('skald query', () => {
  it('merges streams by time, newest first unless told otherwise', async () => {
    const { url } = await node(() => TWO)
    expect((await runCommand(['query', '{app=~".+"}', '--url', url, '--output', 'raw'])).stdout).toBe('third\nsec"ond\nfirst\n')
    expect((await runCommand(['query', '{app=~".+"}', '--url', url, '--output', 'raw', '--direction', 'forward'])).stdout).toBe('first\nsec"ond\nthird\n')
  })

  it('prints time, labels and line, or JSON lines', async () => {
    const { url } = await node(() => TWO)
    expect((await runCommand(['query', '{}', '--url', url])).stdout.split('\n')[0]).toBe('1970-01-01T00:00:03.000Z {app="a"} third')
    const lines = (await runCommand(['query', '{}', '--url', url, '--output', 'jsonl'])).stdout.trim().split('\n').map((line) => JSON.parse(line) as unknown)
    expect(lines[1]).toEqual({ timestamp: '1970-01-01T00:00:02.000Z', labels: { app: 'b' }, line: 'sec"ond' })
  })

  it('asks for the range that the options say', async () => {
    const { url, asked } = await node(() => streams())
    await runCommand(['query', '{a="b"} |= "x y"', '--url', url, '--from', '2026-01-31T10:00:00Z', '--to', '1769853700', '--limit', '7', '--direction', 'forward'])
    expect(Object.fromEntries(asked[0]?.searchParams ?? [])).toEqual({ query: '{a="b"} |= "x y"', start: '1769853600000000000', end: '1769853700000000000', limit: '7', direction: 'forward' })
    await runCommand(['query', '{a="b"}', '--url', url, '--since', '15m', '--to', '1769853700'])
    expect(asked[1]?.searchParams.get('start')).toBe(String((1769853700n - 900n) * 1_000_000_000n))
  })

  it('prints matrices, vectors and warnings', async () => {
    const { url } = await node((asked) => ({
      warnings: ['a part is missing'],
      data: asked.pathname.endsWith('/query') ? { resultType: 'vector', result: [{ metric: { app: 'a' }, value: [5, '42'] }] } : { resultType: 'matrix', result: [{ metric: {}, values: [[1, '1'], [2.5, '2']] }] },
    }))
    const matrix = await runCommand(['query', 'rate({}[1m])', '--url', url])
    expect(matrix.stdout).toBe('{}\n  1970-01-01T00:00:01.000Z  1\n  1970-01-01T00:00:02.500Z  2\n')
    expect(matrix.stderr).toContain('warning: a part is missing')
    expect((await runCommand(['query', 'rate({}[1m])', '--url', url, '--instant'])).stdout).toBe('{app="a"}\n  1970-01-01T00:00:05.000Z  42\n')
  })

  it("passes on the server's words, and says when none is there", async () => {
    const { url } = await node(() => new Refusal(400, 'parse error at line 1, col 1: syntax error'))
    expect(await runCommand(['query', '{', '--url', url])).toMatchObject({ code: 1, stderr: 'skald: parse error at line 1, col 1: syntax error\n' })
    expect(await runCommand(['query', '{}', '--url', 'http://127.0.0.1:1'])).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot reach http://127.0.0.1:1') })
  })

  it.each([[[], 'one LogQL expression'], [['{}', '--output', 'xml'], '--output is xml'], [['{}', '--from', 'yesterday'], 'yesterday is no time'], [['{}', '--since', '5'], '5 is no duration']])('refuses %j', async (args, message) => {
    expect(await runCommand(['query', ...args])).toMatchObject({ code: 2, stderr: expect.stringContaining(message) })
  })
})

describe('skald tail', () => {
  it('shows each line once, also those of one nanosecond', async () => {
    const stop = new AbortController()
    const value = (ns: bigint, line: string): [string, string] => [String(ns), line]
    let since = 0n
    const { url } = await node((asked, index) => {
      since ||= BigInt(asked.searchParams.get('start') ?? '0') + 1n
      if (index === 1) return streams({ stream: { a: 'b' }, values: [value(since, 'one'), value(since + 1n, 'two'), value(since + 1n, 'three')] })
      return streams({ stream: { a: 'b' }, values: [value(since, 'one')] })
    })
    let seen = ''
    const tailing = runCommand(['tail', '{a="b"}', '--url', url, '--output', 'raw'], { signal: stop.signal, onStdout: (text) => { seen += text; if (seen.includes('three')) stop.abort() } })
    expect((await tailing).code).toBe(0)
    expect(seen).toBe('one\ntwo\nthree\n')
  })

  it('says once that it is refused for now, and asks again when it is told to', async () => {
    const stop = new AbortController()
    const asked: number[] = []
    const { url } = await node((_url, index) => {
      asked.push(performance.now())
      if (index < 2) return new Refusal(429, 'too many outstanding requests', { 'retry-after': '2' })
      if (index > 3) stop.abort()
      return index === 2 ? streams() : new Refusal(503, 'not ready')
    })
    const { code, stderr } = await runCommand(['tail', '{a="b"}', '--url', url], { signal: stop.signal })
    expect(code).toBe(0)
    expect(stderr).toBe('skald: too many outstanding requests; trying again\nskald: not ready; trying again\n')
    expect(asked[1]! - asked[0]!).toBeGreaterThan(1_900)
  })

  it.each([400, 401, 403])('ends with %s, which asking again cannot help', async (status) => {
    const { url } = await node((_url, index) => (index === 0 ? streams() : new Refusal(status, 'no')))
    expect(await runCommand(['tail', '{a="b"}', '--url', url])).toMatchObject({ code: 1, stderr: 'skald: no\n' })
  })
})

describe('skald status', () => {
  it('prints records as indented keys and lists of records as tables', async () => {
    const { url } = await node(() => ({ node: 'n1', memory: { usedBytes: 256 * 1024 * 1024, empty: '' }, partitions: [{ id: 0, state: 'owned', lag: 3 }, { id: 11, state: 'x' }], roles: ['all'] }))
    const { stdout } = await runCommand(['status', '--url', url])
    expect(stdout).toBe('node   n1\nmemory\n  usedBytes  256.0 MB\n  empty      -\npartitions\n  id  state  lag\n  0   owned  3\n  11  x      -\nroles  all\n')
    expect(JSON.parse((await runCommand(['status', '--json'], { environment: { SKALD_URL: url } })).stdout)).toMatchObject({ node: 'n1' })
  })
})

describe('times', () => {
  it.each([['now', 5_000_000_000n], ['-2s', 3_000_000_000n], ['7', 7_000_000_000n], ['1769853600123456789', 1_769_853_600_123_456_789n], ['1970-01-01T00:00:01.000000002Z', 1_000_000_002n], ['1970-01-02', 86_400_000_000_000n]])('%s', (form, ns) => {
    expect(parseTimeNs(form, 5_000)).toBe(ns)
  })
  it('shows nanoseconds only when there are any', () => {
    expect(showTimeNs(1_000_000_000n)).toBe('1970-01-01T00:00:01.000Z')
    expect(showTimeNs(1_000_000_001n)).toBe('1970-01-01T00:00:01.000000001Z')
  })
})
