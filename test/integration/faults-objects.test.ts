/**
 * The object store is taken away from a node, or what is in it damaged: pushes go on while the log has room, flushes are repeated until they succeed (F1),
 * and queries answer with what is there and a warning that names what is not (Q3).
 */
import { execFileSync } from 'node:child_process'
import { readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { linesOf, nowNs, push, query, startTestNode, until, type TestNode } from '../support/node.ts'
import { Outage } from '../support/outage.ts'
import { mountSmallDisk } from '../support/small-disk.ts'

const GROWTH_MIB_MAX = 200

describe('the object store of a node under load', () => {
  let outage: Outage | null = null
  afterEach(async () => {
    await outage?.end()
    outage = null
  })

  const failures = async (step: string): Promise<number> =>
    Number(new RegExp(`skald_flush_failures_total\\{step="${step}"\\} (\\d+)`).exec(await (await fetch(`${outage!.node.url}/metrics`)).text())?.[1] ?? 0)

  /** Flushes fail and pushes do not; then `repair`, and everything is flushed and there once. */
  async function expectPatience(repair: () => Promise<unknown> | unknown): Promise<void> {
    await until('a flush fails', async () => (await outage!.probe(), (await failures('put')) > 0), 20_000)
    for (let i = 0; i < 5; i++) expect((await outage!.probe(10_000)).status).toBe(204)
    await repair()
    await outage!.recovers(10_000)
    expect((await fetch(`${outage!.node.url}/flush`, { method: 'POST', signal: AbortSignal.timeout(40_000) })).status).toBe(204)
    const { lost, doubled, foreign } = await outage!.verdict()
    expect({ lost: lost.slice(0, 5), doubled: doubled.slice(0, 5), foreign: foreign.slice(0, 5) }).toEqual({ lost: [], doubled: [], foreign: [] })
    expect(outage!.probes.filter(({ status }) => status !== 204)).toEqual([])
    expect(outage!.grownMib).toBeLessThan(GROWTH_MIB_MAX)
  }

  it('cannot be written for a while', async () => {
    outage = await Outage.start({ environment: { SKALD_OBJECT_STORE_RETRIES: '1' } })
    const objects = path.join(outage.dataDir, 'objects')
    // A file where the folder was: no one, not even root, can write there.
    await rename(objects, `${objects}.away`)
    await writeFile(objects, '')
    await expectPatience(async () => {
      await rm(objects)
      await rename(`${objects}.away`, objects)
    })
  })

  it('is on a full disk for a while', async (context) => {
    const disk = mountSmallDisk(1)
    if ('reason' in disk) return context.skip(disk.reason)
    try {
      outage = await Outage.start({ environment: { SKALD_OBJECT_STORE_RETRIES: '1', SKALD_OBJECT_STORE_URL: `file:${disk.mountPoint}` } })
      await writeFile(path.join(disk.mountPoint, 'ballast'), Buffer.alloc(1024 * 1024)).catch(() => undefined)
      await expectPatience(() => execFileSync('mount', ['-o', 'remount,size=64m', disk.mountPoint]))
    } finally {
      await outage?.end()
      outage = null
      disk.unmount()
    }
  })
})

describe('stored segments', () => {
  let node: TestNode | null = null
  afterEach(() => node?.remove())

  const flush = async (): Promise<void> => expect((await fetch(`${node!.url}/flush`, { method: 'POST' })).status).toBe(204)

  async function objectFiles(): Promise<string[]> {
    const names = await readdir(path.join(node!.dataDir, 'objects'), { recursive: true, withFileTypes: true })
    return names.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  }

  /** A segment of 50 lines for each name; name -> path. */
  async function segments(names: ReadonlyArray<string>): Promise<Map<string, string>> {
    const files = new Map<string, string>()
    for (const name of names) {
      const before = new Set(await objectFiles().catch(() => []))
      const at = nowNs()
      await push(node!.url, { app: 'damaged' }, Array.from({ length: 50 }, (_, i) => [at + BigInt(i), `${name} ${i} ${'x'.repeat(100)}`] as const))
      await flush()
      files.set(name, (await objectFiles()).find((file) => !before.has(file))!)
    }
    return files
  }

  const flip = async (file: string, at: (bytes: number) => number): Promise<void> => {
    const bytes = await readFile(file)
    const offset = at(bytes.length)
    bytes[offset]! ^= 0x10
    await writeFile(file, bytes)
  }
  const damages: Record<string, (file: string) => Promise<unknown>> = {
    deleted: (file) => rm(file),
    empty: (file) => truncate(file, 0),
    cut: async (file) => truncate(file, (await readFile(file)).length >> 1),
    'a bit of its blocks': (file) => flip(file, () => 40),
    'a bit of its footer': (file) => flip(file, (bytes) => bytes - 40),
  }

  it('that are gone or damaged are each named in a warning; all else is answered (Q3)', async () => {
    node = await startTestNode()
    const files = await segments([...Object.keys(damages), 'whole'])
    await push(node.url, { app: 'damaged' }, [[nowNs(), 'fresh']])
    for (const [name, damage] of Object.entries(damages)) await damage(files.get(name)!)
    // A new process has nothing cached.
    await node.restart()
    const answer = await query(node.url, '{app="damaged"}')
    const counts = Map.groupBy(linesOf(answer), (line) => line.replace(/ \d+ x+$/, ''))
    expect([...counts].map(([name, lines]) => [name, lines.length])).toEqual([['fresh', 1], ['whole', 50]])
    const counted = await query(node.url, 'sum(count_over_time({app="damaged"} |= "x" [1h]))', { step: '3600', since: '1h' })
    for (const { warnings = [] } of [answer, counted]) {
      expect(warnings).toHaveLength(Object.keys(damages).length)
      for (const name of Object.keys(damages)) expect(warnings.filter((warning) => warning.includes(path.basename(files.get(name)!)))).toHaveLength(1)
    }
    // It goes on: what is pushed and flushed now is there.
    expect((await push(node.url, { app: 'damaged' }, [[nowNs(), 'later']])).status).toBe(204)
    await flush()
    expect(linesOf(await query(node.url, '{app="damaged"}'))).toContain('later')
  })

  it('are read again when they are back', async () => {
    node = await startTestNode()
    const file = (await segments(['away'])).get('away')!
    await node.restart()
    await rename(file, `${file}.away`)
    expect((await query(node.url, '{app="damaged"}')).warnings).toHaveLength(1)
    await rename(`${file}.away`, file)
    const answer = await query(node.url, '{app="damaged"}')
    expect(answer.warnings ?? []).toEqual([])
    expect(linesOf(answer)).toHaveLength(50)
  })
})
