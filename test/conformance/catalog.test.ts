/** The catalog suite over both KV stores. */
import { jetstreamManager } from '@nats-io/jetstream'
import { SystemClock } from '../../runtime/clock-system.ts'
import { JetStreamKv } from '../../runtime/kv-jetstream.ts'
import { MemoryKvServer } from '../../runtime/kv-memory.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { type NatsTransport, connectTransport } from '../../runtime/transport-nats.ts'
import { startTestNats } from '../support/nats.ts'
import { catalogConformance } from './catalog.ts'

const ports = { clock: new SystemClock(), random: new SystemRandom() }

catalogConformance('memory KV', async () => {
  const server = new MemoryKvServer(ports.clock, ports.random)
  return { connect: async () => server.connect(), wipe: async (bucket) => server.wipe(bucket), close: async () => undefined }
})

catalogConformance('JetStream KV', async () => {
  const nats = await startTestNats()
  const transports: NatsTransport[] = []
  const connect = async (): Promise<NatsTransport> => {
    const transport = await connectTransport({ servers: nats.url, name: 'catalog-conformance', random: ports.random })
    transports.push(transport)
    return transport
  }
  return {
    connect: async () => new JetStreamKv(await connect(), ports),
    wipe: async (bucket) => void (await (await jetstreamManager((await connect()).connection)).streams.delete(`KV_${bucket}`)),
    close: async () => {
      await Promise.all(transports.map((transport) => transport.close()))
      await nats.stop()
    },
  }
})
