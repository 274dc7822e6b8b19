/** The command line against a whole node: files pushed once whatever interrupts the push, and what `query` and `status` show of them. */
import { spawn } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand, type CommandResult } from '../support/command.ts'
import { startTestNode, until, type TestNode } from '../support/node.ts'

let node: TestNode
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'skald-cli-'))
  node = await startTestNode({ environment: { SKALD_LIMITS_CONFIG_REJECT_OLD_SAMPLES: 'false' } })
})
afterAll(async () => {
  await node.remove()
  await rm(folder, { recursive: true, force: true })
})

const skald = (...args: string[]): Promise<CommandResult> => runCommand([...args, '--url', node.url])

async function count(selector: string): Promise<number> {
  const search = new URLSearchParams({ query: `sum(count_over_time(${selector}[1h]))` })
  const { data } = (await (await fetch(`${node.url}/loki/api/v1/query?${search}`)).json()) as { data: { result: Array<{ value: [number, string] }> } }
  return Number(data.result[0]?.value[1] ?? 0)
}

const linesReceived = async (): Promise<number> =>
  Number(/loki_distributor_lines_received_total\{tenant="fake"\} (\d+)/.exec(await (await fetch(`${node.url}/metrics`)).text())?.[1] ?? 0)

describe('skald push', () => {
  it('stores every line once when it is killed in the middle and run again with its id, twice', async () => {
    const lineCount = 150_000
    const file = path.join(folder, 'big.log')
    await writeFile(file, Array.from({ length: lineCount }, (_, i) => `level=info n=${i} msg="request ${(i * 7919) % 1000} done" path=/a/${i % 97}/b ${'.'.repeat(i % 60)}\n`).join(''))
    // Times from now on: a line that was stored by two runs would be there under two times.
    const args = ['push', file, '--label', 'job=big', '--id', 'big-1', '--timestamp-from', 'now']
    const before = await linesReceived()
    const child = spawn(process.execPath, [path.resolve(import.meta.dirname, '../../bin/skald.ts'), ...args, '--concurrency', '1', '--url', node.url], { stdio: 'ignore' })
    const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
    await until('some lines have arrived', async () => (await linesReceived()) > before)
    child.kill('SIGKILL')
    expect(await ended).toBe('SIGKILL')
    const interrupted = await count('{job="big"}')
    expect(interrupted).toBeLessThan(lineCount)
    expect(await skald(...args)).toMatchObject({ code: 0 })
    expect(await count('{job="big"}')).toBe(lineCount)
    await fetch(`${node.url}/flush`, { method: 'POST' })
    expect(await skald(...args)).toMatchObject({ code: 0 })
    expect(await count('{job="big"}')).toBe(lineCount)
  })

  it('takes the system’s own log files', async (context) => {
    const files = ['/var/log/dpkg.log', '/var/log/alternatives.log', '/var/log/syslog', '/var/log/apt/history.log'].filter(isReadable)
    if (files.length === 0) return context.skip('no log file of this system can be read')
    for (const [i, file] of files.entries()) {
      // Bounded, so that a busy machine's syslog does not decide how long this takes.
      const lines = readFileSync(file, 'utf8').split('\n').slice(0, 20_000)
      const copy = path.join(folder, `system-${i}.log`)
      await writeFile(copy, lines.join('\n'))
      for (let run = 0; run < 2; run++) {
        expect(await skald('push', copy, '--label', 'job=system', '--label', `file=${i}`, '--id', 'system', '--timestamp-from', 'mtime')).toMatchObject({ code: 0 })
      }
      expect(await count(`{job="system", file="${i}"}`)).toBe(lines.filter((line) => line.trim() !== '' && line !== '\r').length)
      const [last] = lines.filter((line) => line !== '').slice(-1)
      expect((await skald('query', `{job="system", file="${i}"}`, '--limit', '1', '--output', 'raw')).stdout).toBe(`${last}\n`)
    }
  })
})

describe('skald query', () => {
  it('shows lines in order, filters, and series', async () => {
    await writeFile(path.join(folder, 'small.log'), 'one error\ntwo fine\nthree error\n')
    await skald('push', path.join(folder, 'small.log'), '--label', 'job=small')
    expect((await skald('query', '{job="small"} |= "error"', '--direction', 'forward', '--output', 'raw')).stdout).toBe('one error\nthree error\n')
    const counted = await skald('query', 'sum by (job) (count_over_time({job="small"}[1h]))', '--instant', '--output', 'jsonl')
    expect(counted).toMatchObject({ code: 0, stdout: expect.stringMatching(/"small".*3|3.*"small"/) as string })
  })

  it('says what is wrong with an expression, and fails', async () => {
    expect(await skald('query', '{job=')).toMatchObject({ code: 1, stderr: expect.stringContaining('parse error') as string })
  })
})

describe('skald status', () => {
  it('says how durable pushes are and what each partition holds', async () => {
    const { code, stdout } = await skald('status')
    expect(code).toBe(0)
    expect(stdout).toMatch(/durability\s+an acknowledged push survives killed processes, not a power cut/)
    expect(stdout).toMatch(/partition\s+epoch/)
    expect(JSON.parse((await skald('status', '--json')).stdout)).toMatchObject({ partitions: [{ partition: 0 }] })
  })

  it('fails clearly when no node is there', async () => {
    expect(await runCommand(['status', '--url', 'http://127.0.0.1:9'])).toMatchObject({ code: 1, stderr: expect.stringContaining('http://127.0.0.1:9') as string })
  })
})

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK)
    return readFileSync(file).length > 0
  } catch {
    return false
  }
}
