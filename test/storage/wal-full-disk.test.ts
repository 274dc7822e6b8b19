/** The log's disk fills up under a real nats-server: pushers hear of it, nothing acknowledged is lost, and it ends without a restart of ours (W1, W4). */
import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { SystemClock } from '../../runtime/clock-system.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport, natsConnectionOf } from '../../runtime/transport-nats.ts'
import { openJetStreamWal } from '../../storage/wal-jetstream.ts'
import { placed, record } from '../conformance/wal.ts'
import { mountSmallDisk, natsFolderOn } from '../support/small-disk.ts'
import { startTestNats } from '../support/nats.ts'

const RECORD_BYTES = 200_000

it('refuses while the disk is full, and takes records again once there is room', async (context) => {
  const disk = mountSmallDisk(32)
  if ('reason' in disk) return context.skip(disk.reason)
  const nats = await startTestNats({ dataDir: natsFolderOn(disk) })
  const random = new SystemRandom()
  const transport = await connectTransport({ servers: nats.url, name: 'full-disk', random, reconnectMaxMs: 100 })
  const ballast = path.join(disk.mountPoint, 'ballast')
  let restarts = 0
  const wal = await openJetStreamWal(natsConnectionOf(transport), {
    clock: new SystemClock(),
    random,
    silenceMs: 1_000,
    // What the composition root does with the embedded server.
    onSilence: () => {
      restarts++
      void nats.restart()
    },
  })
  try {
    await wal.open(1, 0)
    writeFileSync(ballast, Buffer.alloc(24_000_000))
    const acknowledged: number[] = []
    const failure: unknown = await (async () => {
      for (let i = 0; i < 200; i++) acknowledged.push(await placed(wal.append(1, `r${i}`, record(i, RECORD_BYTES), 600)))
    })().catch((error: unknown) => error)
    expect(failure).toMatchObject({ status: 503, retryable: true, retryAfterS: expect.any(Number) as number })
    expect(acknowledged.length).toBeGreaterThan(5)

    rmSync(ballast)
    const after = await placed(wal.append(1, 'after', record(999, RECORD_BYTES), 15_000))
    expect(restarts).toBeLessThanOrEqual(2)
    const stored = new Map<number, number>()
    for (let from = 1; from <= after; from = Math.max(...stored.keys()) + 1) {
      for (const { sequence, bytes } of await wal.read(1, from, 8_000_000)) stored.set(sequence, bytes.readUInt32LE(0))
    }
    expect(acknowledged.map((sequence) => stored.get(sequence))).toEqual(acknowledged.map((_, i) => i))
    expect(stored.get(after)).toBe(999)
    expect(new Set(stored.values()).size).toBe(stored.size)
  } finally {
    await wal.close()
    await transport.close()
    await nats.stop()
    disk.unmount()
  }
})
