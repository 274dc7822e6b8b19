/** The log is taken away from a node under load: pushers hear of it, memory stays, and it all goes on by itself with every acknowledged line once (W1, W4). */
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { startTestNode, type TestNode } from '../support/node.ts'
import { Outage, type Probe } from '../support/outage.ts'
import { mountSmallDisk } from '../support/small-disk.ts'

const GROWTH_MIB_MAX = 200
const CLEAN = { lost: [], doubled: [], foreign: [] }

let outage: Outage | null = null
afterEach(async () => {
  await outage?.end()
  outage = null
})

const isRefusal = ({ status, retryAfterS }: Probe): boolean => (status === 429 || status >= 500) && retryAfterS !== null && retryAfterS > 0
const refused = (): Probe[] => outage!.probes.filter(({ status }) => status !== 204)

async function expectRecovery(): Promise<void> {
  await outage!.recovers(20_000)
  const { lost, doubled, foreign, acknowledged } = await outage!.verdict()
  expect({ lost: lost.slice(0, 5), doubled: doubled.slice(0, 5), foreign: foreign.slice(0, 5) }).toEqual(CLEAN)
  expect(acknowledged).toBeGreaterThan(0)
  expect(refused().filter((probe) => !isRefusal(probe))).toEqual([])
  expect(outage!.grownMib).toBeLessThan(GROWTH_MIB_MAX)
}

describe('the log server', () => {
  it('is killed and stays away for a while', async () => {
    outage = await Outage.start()
    await outage.external!.kill()
    const first = await outage.probeUntil('a push is refused', isRefusal, 10_000)
    expect(first.status).toBe(503)
    expect(first.tookMs).toBeLessThan(6_000)
    const end = performance.now() + 1_500
    while (performance.now() < end) expect(isRefusal(await outage.probe())).toBe(true)
    expect((await fetch(`${outage.node.url}/ready`)).status).toBe(503)
    await outage.external!.restart()
    await expectRecovery()
  })

  it('hangs and comes back', async () => {
    outage = await Outage.start()
    process.kill(outage.external!.pid, 'SIGSTOP')
    try {
      expect((await outage.probeUntil('a push is refused', isRefusal, 10_000)).status).toBe(503)
      for (let i = 0; i < 2; i++) expect(isRefusal(await outage.probe())).toBe(true)
    } finally {
      process.kill(outage.external!.pid, 'SIGCONT')
    }
    await expectRecovery()
  })
})

describe('the disk of the embedded log server', () => {
  it('is full for a while', async (context) => {
    const disk = mountSmallDisk(48)
    if ('reason' in disk) return context.skip(disk.reason)
    const ballast = path.join(disk.mountPoint, 'ballast')
    try {
      outage = await Outage.start({ log: 'embedded', dataDir: path.join(disk.mountPoint, 'data') })
      writeFileSync(ballast, Buffer.alloc(Math.max(1, bytesFree(disk.mountPoint) - 200_000)))
      expect((await outage.probeUntil('a push is refused', isRefusal, 20_000, 100_000)).status).toBe(503)
      for (let i = 0; i < 2; i++) await outage.probe()
      rmSync(ballast)
      await expectRecovery()
    } finally {
      await outage?.end()
      outage = null
      disk.unmount()
    }
  })
})

function bytesFree(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

describe('the log', () => {
  it('is at its own limit until what is in it can be flushed', async () => {
    outage = await Outage.start({ environment: { SKALD_WAL_MAX_SIZE: '4MB' } })
    const objects = path.join(outage.dataDir, 'objects')
    // A file where the folder was: nothing can be put there.
    await rename(objects, `${objects}.away`)
    await writeFile(objects, '')
    const full = await outage.probeUntil('the log is full', isRefusal, 20_000, 200_000)
    expect(full).toMatchObject({ status: 503, text: expect.stringContaining('wal.max_size') as string })
    for (let i = 0; i < 3; i++) expect(isRefusal(await outage.probe(200_000))).toBe(true)
    await rm(objects)
    await rename(`${objects}.away`, objects)
    await expectRecovery()
  })
})

describe('the embedded log server', () => {
  let node: TestNode | null = null
  afterEach(() => node?.remove())

  it('is started again when it dies, under the same store', async () => {
    node = await startTestNode()
    const { url } = node
    const status = async (): Promise<{ pid: number; restarts: number }> => ((await (await fetch(`${url}/status`)).json()) as { nats: { pid: number; restarts: number } }).nats
    const before = await status()
    process.kill(before.pid, 'SIGKILL')
    await expect.poll(async () => (await status()).restarts).toBe(before.restarts + 1)
    await expect.poll(async () => (await fetch(`${url}/ready`)).status).toBe(200)
  })
})
