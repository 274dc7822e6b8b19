/** Appending to and reading from the JetStream WAL over a real nats-server: `npm run bench -- wal`. */
import { randomBytes } from 'node:crypto'
import { SystemClock } from '../../runtime/clock-system.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport, natsConnectionOf } from '../../runtime/transport-nats.ts'
import { openJetStreamWal } from '../../storage/wal-jetstream.ts'
import type { Wal } from '../../storage/wal.ts'
import { startTestNats } from '../support/nats.ts'

const MB = 1e6
const READ_BYTES = 16 * 1024 * 1024
const SERIES = [
  { recordBytes: 16 * 1024, inFlight: 64, totalBytes: 64 * MB },
  { recordBytes: 256 * 1024, inFlight: 8, totalBytes: 256 * MB },
  { recordBytes: 512 * 1024, inFlight: 8, totalBytes: 256 * MB },
]

export async function benchWal(): Promise<Record<string, string | number>> {
  const figures: Record<string, string | number> = {}
  const nats = await startTestNats()
  const random = new SystemRandom()
  const transport = await connectTransport({ servers: nats.url, name: 'bench-wal', random })
  const wal = await openJetStreamWal(natsConnectionOf(transport), { clock: new SystemClock(), random })
  try {
    for (const [partition, { recordBytes, inFlight, totalBytes }] of SERIES.entries()) {
      const name = `${recordBytes / 1024} KiB`
      const count = Math.ceil(totalBytes / recordBytes)
      await wal.open(partition, 0)
      const append = await timed(() => appendAll(wal, partition, randomBytes(recordBytes), count, inFlight))
      figures[`append ${name}, ${inFlight} in flight, MB/s`] = (count * recordBytes) / MB / append.seconds
      figures[`append ${name}, client CPU s/GB`] = append.cpuSeconds / ((count * recordBytes) / 1e9)
      const read = await timed(() => readAll(wal, partition))
      figures[`read ${name}, MB/s`] = read.value / MB / read.seconds
      figures[`read ${name}, client CPU s/GB`] = read.cpuSeconds / (read.value / 1e9)
    }
  } finally {
    await wal.close()
    await transport.close()
    await nats.stop()
  }
  return figures
}

async function appendAll(wal: Wal, partition: number, record: Buffer, count: number, inFlight: number): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) await wal.append(partition, `${partition}-${next++}`, record, 30_000)
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}

/** Bytes read. */
async function readAll(wal: Wal, partition: number): Promise<number> {
  let bytes = 0
  for (let from = 1; ; ) {
    const records = await wal.read(partition, from, READ_BYTES)
    if (records.length === 0) return bytes
    for (const record of records) bytes += record.bytes.length
    from = records.at(-1)!.sequence + 1
  }
}

async function timed<A>(run: () => Promise<A>): Promise<{ value: A; seconds: number; cpuSeconds: number }> {
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()]
  const value = await run()
  const cpu = process.cpuUsage(startCpu)
  return { value, seconds: (performance.now() - startMs) / 1000, cpuSeconds: (cpu.user + cpu.system) / 1e6 }
}
