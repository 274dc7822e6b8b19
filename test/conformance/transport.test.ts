/** Both messaging ports under the one suite: memory, and NATS against a real server. */
import { ManualClock } from '../../runtime/clock-manual.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { MemoryBroker } from '../../runtime/transport-memory.ts'
import { connectTransport, natsConnectionOf } from '../../runtime/transport-nats.ts'
import { startTestNats } from '../support/nats.ts'
import { transportSuite } from './transport.ts'

transportSuite('MemoryTransport', async () => {
  const clock = new ManualClock()
  const broker = new MemoryBroker({ clock, random: new SeededRandom(1) })
  const [a, b] = [broker.connect('a'), broker.connect('b')]
  return {
    a,
    b,
    settle: () => Promise.resolve(),
    passTime: (ms) => clock.run(ms),
    disconnect: async () => a.setConnected(false),
    reconnect: async () => a.setConnected(true),
    stop: async () => void (await Promise.all([a.close(), b.close()])),
  }
})

transportSuite('NatsTransport', async () => {
  const server = await startTestNats()
  const options = { servers: server.url, random: new SystemRandom(), reconnectMinMs: 10, reconnectMaxMs: 100 }
  const a = await connectTransport({ ...options, name: 'a' })
  const b = await connectTransport({ ...options, name: 'b' })
  return {
    a,
    b,
    settle: async () => void (await Promise.all([natsConnectionOf(a).flush(), natsConnectionOf(b).flush()])),
    passTime: () => Promise.resolve(),
    disconnect: () => server.kill(),
    reconnect: () => server.restart(),
    stop: async () => {
      await Promise.all([a.close(), b.close()])
      await server.stop()
    },
  }
})
