/** W1: an answer to a read of the log of which a message was lost on its way counts for nothing. Taken for whole, the records that are missing would be holes in the log, and purged from a detour unmoved. */
import { headers, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SystemClock } from '../../runtime/clock-system.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { connectTransport, natsConnectionOf, type NatsTransport } from '../../runtime/transport-nats.ts'
import { askMessages } from '../../storage/wal-jetstream-read.ts'
import { startTestNats, type TestNats } from '../support/nats.ts'

const SUBJECT = 'stream.without.a.server'
/** What a server sends for a batched direct get of these (2.15): each message names the one before it, and so does the end. */
const STORED = [3, 4, 9, 12]

describe('a read of many messages', () => {
  let nats: TestNats
  let transport: NatsTransport
  let nc: NatsConnection
  beforeAll(async () => {
    nats = await startTestNats()
    transport = await connectTransport({ servers: nats.url, name: 'read', random: new SystemRandom() })
    nc = natsConnectionOf(transport)
  })
  afterAll(async () => {
    await transport?.close()
    await nats?.stop()
  })

  /** The sequences of a read whose answer loses these; `end`: the last message is the end of the batch. */
  const read = async (lost: ReadonlyArray<number>, end: 'status' | 'count'): Promise<number[]> => {
    const server = nc.subscribe(SUBJECT, {
      callback: (_error, { reply }) => {
        for (const [i, sequence] of STORED.entries()) if (!lost.includes(sequence)) nc.publish(reply!, Buffer.from('x'), { headers: headersOf({ 'Nats-Sequence': sequence, 'Nats-Last-Sequence': STORED[i - 1] ?? 0 }) })
        if (end === 'status') nc.publish(reply!, Buffer.alloc(0), { headers: headersOf({ 'Nats-Num-Pending': 0, 'Nats-Last-Sequence': STORED.at(-1)! }, 204) })
      },
    })
    try {
      const batch = end === 'count' ? STORED.length - lost.length : 100
      return await askMessages(nc, new SystemClock(), SUBJECT, { seq: 1, batch }, (message) => Number(message.headers?.get('Nats-Sequence')))
    } finally {
      server.unsubscribe()
    }
  }

  it('gives what is there, whole', async () => {
    for (const end of ['status', 'count'] as const) expect(await read([], end)).toEqual(STORED)
  })

  it.each([['the first', [3]], ['one between', [9]], ['two between', [4, 9]], ['the last', [12]]])('fails when %s was lost', async (_which, lost) => {
    await expect(read(lost, 'status')).rejects.toThrow('a part of the answer was lost')
  })

  it('fails when one between was lost and so many came as were asked for', async () => {
    await expect(read([4], 'count')).rejects.toThrow('a part of the answer was lost')
  })
})

function headersOf(values: Readonly<Record<string, number>>, code?: number): ReturnType<typeof headers> {
  const made = code === undefined ? headers() : headers(code, 'EOB')
  for (const [name, value] of Object.entries(values)) made.set(name, String(value))
  return made
}
