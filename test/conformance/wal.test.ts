/** The WAL suite over memory and JetStream, the latter with both ways of reading. */
import { SystemClock } from '../../runtime/clock-system.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport, natsConnectionOf } from '../../runtime/transport-nats.ts'
import { type JetStreamWalOptions, openJetStreamWal } from '../../storage/wal-jetstream.ts'
import { MemoryWal } from '../../storage/wal-memory.ts'
import { startTestNats } from '../support/nats.ts'
import { type OpenedWal, walConformance } from './wal.ts'

const LIMIT_BYTES = 200_000

walConformance('memory', async () => ({
  wal: new MemoryWal(),
  limited: { wal: new MemoryWal({ bytesMax: LIMIT_BYTES }), bytesMax: LIMIT_BYTES, partition: 1 },
  close: async () => undefined,
}))

walConformance('JetStream, direct gets', () => overJetStream({}))
walConformance('JetStream, consumers', () => overJetStream({ directReads: false }))

async function overJetStream(extra: Partial<JetStreamWalOptions>): Promise<OpenedWal> {
  const nats = await startTestNats()
  const ports = { clock: new SystemClock(), random: new SystemRandom() }
  const transport = await connectTransport({ servers: nats.url, name: 'wal-conformance', random: ports.random })
  const nc = natsConnectionOf(transport)
  const wal = await openJetStreamWal(nc, { ...ports, ...extra })
  const limited = await openJetStreamWal(nc, { ...ports, ...extra, bytesMax: LIMIT_BYTES })
  return {
    wal,
    limited: { wal: limited, bytesMax: LIMIT_BYTES, partition: 1 },
    close: async () => {
      await Promise.all([wal.close(), limited.close()])
      await transport.close()
      await nats.stop()
    },
  }
}
