/** F4: KV is lost, the bucket is enough: by itself at the next start, or by `skald catalog rebuild`; with the log as well, all but what only the log had. */
import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCommand } from '../support/command.ts'
import { linesOf, nowNs, push, query, startTestNode, until, type TestNode } from '../support/node.ts'

describe('a node that lost its KV store', { timeout: 60_000 }, () => {
  let node: TestNode
  const stored = Array.from({ length: 60 }, (_, i) => `stored ${i}`)
  const logged = Array.from({ length: 20 }, (_, i) => `logged ${i}`)

  beforeEach(async () => {
    node = await startTestNode()
    await pushed(stored.slice(0, 30))
    await flushed()
    await pushed(stored.slice(30))
    await flushed()
    await pushed(logged)
    await node.stop()
  })
  afterEach(() => node.remove())

  const pushed = async (lines: ReadonlyArray<string>): Promise<void> => {
    const at = nowNs()
    expect((await push(node.url, { app: 'lost' }, lines.map((line, i) => [at + BigInt(i), line]))).status).toBe(204)
  }
  const flushed = async (): Promise<void> => expect((await fetch(`${node.url}/flush`, { method: 'POST' })).status).toBe(204)
  const lines = async (): Promise<string[]> => linesOf(await query(node.url, '{app="lost"}'))
  const wipe = async (which: RegExp): Promise<void> => {
    const streams = path.join(node.dataDir, 'nats/jetstream/$G/streams')
    const wiped = (await readdir(streams)).filter((name) => which.test(name))
    expect(wiped.length).toBeGreaterThan(0)
    for (const name of wiped) await rm(path.join(streams, name), { recursive: true })
  }
  const rebuild = (...more: string[]) => runCommand(['catalog', 'rebuild', ...more], { environment: { SKALD_DATA_DIR: node.dataDir } })

  it('makes the catalog again when it starts, and has every line once', async () => {
    await wipe(/^KV_/)
    await node.restart()
    expect(await lines()).toEqual([...stored, ...logged].sort())
    await flushed()
    expect(await lines()).toEqual([...stored, ...logged].sort())
  })

  it('has it made again by the command, which leaves alone what is there', async () => {
    await wipe(/^KV_skald_catalog$/)
    expect(await rebuild()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^partition 0: 2 segments, 60 lines, stored through \d+\n$/) })
    expect(await rebuild()).toMatchObject({ code: 0, stdout: expect.stringContaining('partition 0: has a catalog, left alone') })
    expect(await rebuild('--replace')).toMatchObject({ code: 0, stdout: expect.stringContaining('2 segments, 60 lines') })
    await node.restart()
    expect(await lines()).toEqual([...stored, ...logged].sort())
  })

  it('loses with the log only what was nowhere else, and stores on behind it', async () => {
    await rm(path.join(node.dataDir, 'nats'), { recursive: true })
    await node.restart()
    await until('the owner answers', async () => (await lines()).length > 0)
    expect(await lines()).toEqual(stored.toSorted())
    await pushed(['new'])
    await flushed()
    await node.restart()
    expect(await lines()).toEqual([...stored, 'new'].sort())
  })

  it('says what is wrong with the command line', async () => {
    expect(await runCommand(['catalog', 'build'])).toMatchObject({ code: 2, stderr: expect.stringContaining('catalog has one form') })
  })
})
