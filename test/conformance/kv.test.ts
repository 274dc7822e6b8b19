/** Both key-value ports under the one suite: memory, and JetStream against a real server. */
import { jetstreamManager } from '@nats-io/jetstream'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { SystemClock } from '../../runtime/clock-system.ts'
import { JetStreamKv } from '../../runtime/kv-jetstream.ts'
import { MemoryKvServer } from '../../runtime/kv-memory.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport, natsConnectionOf } from '../../runtime/transport-nats.ts'
import { startTestNats } from '../support/nats.ts'
import { kvSuite } from './kv.ts'

kvSuite('MemoryKv', async () => {
  const clock = new ManualClock()
  const server = new MemoryKvServer(clock, new SeededRandom(1))
  const [a, b] = [server.connect(), server.connect()]
  const online = async (is: boolean): Promise<void> => [a, b].forEach((node) => node.setOnline(is))
  return {
    a,
    b,
    passTime: (ms) => clock.run(ms),
    disconnect: () => online(false),
    reconnect: () => online(true),
    wipe: async (bucket) => server.wipe(bucket),
    stop: async () => void (await Promise.all([a.close(), b.close()])),
  }
})

kvSuite('JetStreamKv', async () => {
  const server = await startTestNats()
  const ports = { clock: new SystemClock(), random: new SystemRandom() }
  const connect = (name: string) => connectTransport({ servers: server.url, random: ports.random, name, reconnectMinMs: 10, reconnectMaxMs: 100 })
  const [ta, tb] = [await connect('a'), await connect('b')]
  const [a, b] = [new JetStreamKv(ta, ports), new JetStreamKv(tb, ports)]
  return {
    a,
    b,
    passTime: (ms) => ports.clock.sleep(ms),
    disconnect: () => server.kill(),
    reconnect: () => server.restart(),
    wipe: async (bucket) => void (await (await jetstreamManager(natsConnectionOf(ta))).streams.delete(`KV_${bucket}`)),
    stop: async () => {
      await Promise.all([a.close(), b.close()])
      await Promise.all([ta.close(), tb.close()])
      await server.stop()
    },
  }
})
