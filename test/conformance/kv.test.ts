/** The key-value ports under the one suite: memory, JetStream against a real server, and a majority of three buckets. */
import { jetstreamManager } from '@nats-io/jetstream'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { SystemClock } from '../../runtime/clock-system.ts'
import { JetStreamKv } from '../../runtime/kv-jetstream.ts'
import { copyNames, MajorityBucket } from '../../runtime/kv-majority.ts'
import { MemoryKvServer } from '../../runtime/kv-memory.ts'
import type { Kv } from '../../runtime/kv.ts'
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

kvSuite('MajorityBucket', async () => {
  const clock = new ManualClock()
  const server = new MemoryKvServer(clock, new SeededRandom(1))
  const ports = { clock: new SystemClock(), random: new SystemRandom() }
  const [a, b] = [server.connect(), server.connect()]
  const online = async (is: boolean): Promise<void> => [a, b].forEach((node) => node.setOnline(is))
  const over = (kv: Kv): Kv => ({
    bucket: async (options) => new MajorityBucket(await Promise.all(copyNames(options.name).map((name) => kv.bucket({ ...options, name }))), ports),
    close: () => kv.close(),
  })
  return {
    a: over(a),
    b: over(b),
    passTime: (ms) => clock.run(ms),
    disconnect: () => online(false),
    reconnect: () => online(true),
    wipe: async (bucket) => copyNames(bucket).forEach((name) => server.wipe(name)),
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
