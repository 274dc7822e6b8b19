/** The stand-in for a watch, on a real server: what is there, what changes, and that it makes room for a consumer after a while. */
import { jetstreamManager } from '@nats-io/jetstream'
import { expect, it } from 'vitest'
import { SystemClock } from '../../runtime/clock-system.ts'
import { JetStreamKv } from '../../runtime/kv-jetstream.ts'
import { openKvPoll } from '../../runtime/nats-kv-poll.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport, natsConnectionOf } from '../../runtime/transport-nats.ts'
import { startTestNats } from '../support/nats.ts'

const WAIT = { timeout: 15_000 }

it('tells of a bucket without a consumer, and then gives up for one', async () => {
  const server = await startTestNats()
  const ports = { clock: new SystemClock(), random: new SystemRandom() }
  const transport = await connectTransport({ servers: server.url, random: ports.random, name: 'poll' })
  try {
    const kv = new JetStreamKv(transport, ports)
    const bucket = await kv.bucket({ name: 'polled' })
    await bucket.put('a.1', Buffer.from('one'))
    await bucket.put('a.gone', Buffer.from('x'))
    await bucket.delete('a.gone')
    await bucket.put('b.1', Buffer.from('other'))
    const seen: string[] = []
    const source = { connection: natsConnectionOf(transport), transport, clock: ports.clock, bucket: 'polled', prefix: 'a.', filter: 'a.>' }
    const watch = await openKvPoll(source, await jetstreamManager(natsConnectionOf(transport)), {
      put: ({ key, value, revision }) => seen.push(`${key}=${value.toString()} ${revision}`),
      delete: (key) => seen.push(`-${key}`),
      current: () => seen.push('current'),
      lost: () => seen.push('lost'),
    })
    expect(seen).toEqual(['a.1=one 1', '-a.gone', 'current'])
    await bucket.put('a.2', Buffer.from('two'))
    await expect.poll(() => seen, WAIT).toContain('a.2=two 5')
    await expect.poll(() => seen.at(-1), WAIT).toBe('lost')
    watch.close()
    await kv.close()
  } finally {
    await transport.close()
    await server.stop()
  }
})
