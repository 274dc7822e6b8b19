import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { retryAfterMs } from '../../bin/http-client.ts'
import { runCommand } from '../support/command.ts'
import { type PushServer, startPushServer } from '../support/push-server.ts'

const MTIME_S = 1_790_000_000
let folder: string
let server: PushServer
beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'skald-push-'))
  server = await startPushServer()
})
afterEach(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

function file(name: string, text: string): string {
  const full = path.join(folder, name)
  writeFileSync(full, text)
  utimesSync(full, MTIME_S, MTIME_S)
  return full
}

const push = (...args: string[]) => runCommand(['push', '--url', server.url, ...args])
const entries = () => server.pushes.flatMap((one) => one.entries)

describe('skald push', () => {
  it('sends every line under the labels, with times from mtime and index where lines have none', async () => {
    const log = file('a.log', 'one\ntwo\r\n\nlast without end')
    const { code, stderr } = await push(log, '--label', 'job=x', '--label', 'app=a "b"', '--tenant', 't1')
    expect(code).toBe(0)
    const base = BigInt(MTIME_S) * 1_000_000_000n
    expect(entries()).toEqual([
      { labels: '{app="a \\"b\\"", job="x"}', ns: base, line: 'one' },
      { labels: '{app="a \\"b\\"", job="x"}', ns: base + 1n, line: 'two' },
      { labels: '{app="a \\"b\\"", job="x"}', ns: base + 3n, line: 'last without end' },
    ])
    expect(server.pushes[0]?.headers['x-scope-orgid']).toBe('t1')
    expect(stderr).toContain('pushed 3 lines')
  })

  it('takes the time that a line begins with, and gives it to the lines of its stack trace', async () => {
    const log = file('b.log', '2026-11-21T10:00:00.5Z first\n  at foo\n2026-11-21 12:00:01,250 +01:00 second\n')
    await push(log)
    const at = (text: string): bigint => BigInt(Date.parse(text)) * 1_000_000n
    expect(entries().map((entry) => entry.ns)).toEqual([at('2026-11-21T10:00:00.500Z'), at('2026-11-21T10:00:00.500Z') + 1n, at('2026-11-21T11:00:01.250Z')])
  })

  it('ignores times in lines with --timestamp-from mtime', async () => {
    await push(file('c.log', '2026-11-21T10:00:00Z x\n'), '--timestamp-from', 'mtime')
    expect(entries()[0]?.ns).toBe(BigInt(MTIME_S) * 1_000_000_000n)
  })

  it('cuts large files into the same batches, ids and times each time it is run with the same id', async () => {
    const log = file('big.log', Array.from({ length: 40_000 }, (_, i) => `line ${i} ${'x'.repeat(i % 120)}`).join('\n'))
    await push(log, '--id', 'p1')
    const first = server.pushes.splice(0).sort((a, b) => (a.id < b.id ? -1 : 1))
    await push(log, '--id', 'p1')
    const second = [...server.pushes].sort((a, b) => (a.id < b.id ? -1 : 1))
    expect(first.length).toBeGreaterThan(2)
    expect(first[0]?.id).toMatch(/^p1\/.*big\.log\/0-\d+$/)
    expect(new Set(first.map((one) => one.id)).size).toBe(first.length)
    expect(second.map(({ id, entries }) => ({ id, entries }))).toEqual(first.map(({ id, entries }) => ({ id, entries })))
    expect(first.flatMap((one) => one.entries)).toHaveLength(40_000)
  })

  it('gives the last batch of a file that has grown another id, so that its new lines are not taken for old ones', async () => {
    await push(file('g.log', 'one\n'), '--id', 'p')
    await push(file('g.log', 'one\ntwo\n'), '--id', 'p')
    expect(new Set(server.pushes.map((one) => one.id)).size).toBe(2)
  })

  it('reads standard input', async () => {
    const { code } = await runCommand(['push', '-', '--url', server.url, '--id', 'p'], { stdin: 'a\nb\n' })
    expect(code).toBe(0)
    expect(entries().map((entry) => entry.line)).toEqual(['a', 'b'])
    expect(server.pushes[0]?.id).toBe('p/-/0-4')
  })

  it('sends a batch again under the same id until it is taken, as Retry-After says', async () => {
    await server.close()
    server = await startPushServer((index) => (index === 0 ? { status: 429, headers: { 'retry-after': '0' }, body: 'slow down' } : index === 1 ? { status: 503, headers: { 'retry-after': '0' } } : { status: 204 }))
    const { code, stderr } = await push(file('a.log', 'x\n'))
    expect(code).toBe(0)
    expect(server.pushes).toHaveLength(3)
    expect(new Set(server.pushes.map((one) => one.id)).size).toBe(1)
    expect(stderr).toContain('429 slow down; trying again in 0.0 s')
  })

  it('gives up after --retries and says why', async () => {
    await server.close()
    server = await startPushServer(() => ({ status: 503, headers: { 'retry-after': '0' }, body: 'log is full' }))
    const { code, stderr } = await push(file('a.log', 'x\n'), '--retries', '2')
    expect(code).toBe(1)
    expect(server.pushes).toHaveLength(3)
    expect(stderr).toContain('was not taken after 3 tries: 503 log is full')
  })

  it('ends all batches under way when one has failed for good', async () => {
    await server.close()
    server = await startPushServer((_index, one) => (one.id.includes('/0-') ? { status: 401, body: 'no org id' } : { status: 503, headers: { 'retry-after': '300' } }))
    const log = file('big.log', Array.from({ length: 40_000 }, () => 'x'.repeat(80)).join('\n'))
    expect(await push(log)).toMatchObject({ code: 1, stderr: expect.stringContaining('401 no org id') })
  })

  it('shows what was refused, goes on, and fails at the end', async () => {
    await server.close()
    server = await startPushServer((_index, one) => (one.entries.some((entry) => entry.line === 'bad') ? { status: 400, body: 'entry too old' } : { status: 204 }))
    const { code, stderr } = await push(file('a.log', 'bad\n'), file('b.log', 'good\n'))
    expect(code).toBe(1)
    expect(stderr).toContain('400 entry too old')
    expect(entries().map((entry) => entry.line)).toEqual(['bad', 'good'])
  })

  it('says what is wrong with the command line or a file', async () => {
    expect(await push()).toMatchObject({ code: 2, stderr: expect.stringContaining('at least one FILE') })
    expect(await push(path.join(folder, 'absent'))).toMatchObject({ code: 1, stderr: expect.stringContaining('ENOENT') })
    expect(await push(folder)).toMatchObject({ code: 2, stderr: expect.stringContaining('is a folder') })
    expect(await push(file('a.log', 'x'), '--label', '9=x')).toMatchObject({ code: 2, stderr: expect.stringContaining('--label 9=x') })
    expect(await push(file('a.log', 'x'), '--nonsense')).toMatchObject({ code: 2, stderr: expect.stringContaining('--nonsense') })
  })
})

describe('retryAfterMs', () => {
  it.each([[null, undefined], ['3', 3_000], ['Thu, 01 Jan 1970 00:00:10 GMT', 10_000], ['nonsense', undefined], ['999999', 300_000]])('%s', (header, expected) => {
    expect(retryAfterMs(header, 0)).toBe(expected)
  })
})
