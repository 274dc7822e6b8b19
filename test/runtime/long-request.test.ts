/** Long requests over the memory transport: parts, compression, refusals, silence, cancellation. */
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { LongRequests, serveLong, type LongHandler, type LongRequestPorts } from '../../runtime/long-request.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import type { Transport } from '../../runtime/transport.ts'
import { MemoryBroker } from '../../runtime/transport-memory.ts'

const NEVER = new AbortController().signal

function world(handle: LongHandler): { clock: ManualClock; server: Transport; requests: LongRequests } {
  const clock = new ManualClock()
  const random = new SeededRandom(1)
  const broker = new MemoryBroker({ clock, random })
  const ports = (name: string): LongRequestPorts => ({ transport: broker.connect(name), clock, random })
  const server = ports('server')
  serveLong(server, 'work.*', handle)
  return { clock, server: server.transport, requests: new LongRequests(ports('client')) }
}

describe('a long request', () => {
  it('carries small, large and compressible answers whole', async () => {
    const random = new SeededRandom(2)
    const bodies = [Buffer.alloc(0), Buffer.from('small'), Buffer.alloc(9_000_000, 'ab'), Buffer.from(Array.from({ length: 3_000_000 }, () => Math.floor(random.next() * 256)))]
    const { clock, requests } = world(async (request) => bodies[Number(request.toString())]!)
    for (const [i, body] of bodies.entries()) {
      const asked = requests.request('work.1', Buffer.from(String(i)), NEVER)
      await clock.run(10)
      expect((await asked).equals(body)).toBe(true)
    }
  })

  it('waits for an answer that takes long, as long as there are signs of life', async () => {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>()
    const { clock, requests } = world(() => promise)
    const asked = requests.request('work.1', Buffer.alloc(0), NEVER)
    for (let second = 0; second < 60; second++) await clock.run(1_000)
    resolve(Buffer.from('late'))
    await clock.run(10)
    expect((await asked).toString()).toBe('late')
  })

  it('gives up three seconds after the last sign of life', async () => {
    const { clock, server, requests } = world(() => new Promise(() => undefined))
    const asked = requests.request('work.1', Buffer.alloc(0), NEVER).catch((error: unknown) => error)
    await clock.run(10_500)
    server.publish = () => undefined
    await clock.run(2_400)
    expect(await Promise.race([asked, 'still waiting'])).toBe('still waiting')
    await clock.run(200)
    expect(await Promise.race([asked, 'still waiting'])).toMatchObject({ code: 'not_ready', retryable: true, message: expect.stringContaining('no sign of life') })
  })

  it('passes on the other side’s error', async () => {
    const { clock, requests } = world(async () => Promise.reject(new SkaldError('query_limit', 'too much')))
    const asked = requests.request('work.1', Buffer.alloc(0), NEVER).catch((error: unknown) => error)
    await clock.run(10)
    expect(await asked).toMatchObject({ code: 'query_limit', message: 'too much', retryable: false })
  })

  it('fails at once when a part of the answer is lost', async () => {
    const random = new SeededRandom(4)
    const { clock, server, requests } = world(async () => Buffer.from(Array.from({ length: 2_000_000 }, () => random.below(256))))
    const publish = server.publish.bind(server)
    server.publish = (subject, data, headers) => (Object.values(headers ?? {}).some((value) => value.startsWith('1/')) ? undefined : publish(subject, data, headers))
    const asked = requests.request('work.1', Buffer.alloc(0), NEVER).catch((error: unknown) => error)
    await clock.run(10)
    expect(await Promise.race([asked, 'still waiting'])).toMatchObject({ code: 'not_ready', retryable: true, message: expect.stringContaining('a part of the answer') })
  })

  it('fails at once when nobody listens', async () => {
    const { clock, requests } = world(async () => Buffer.alloc(0))
    const asked = requests.request('elsewhere', Buffer.alloc(0), NEVER).catch((error: unknown) => error)
    await clock.run(10)
    expect(await asked).toMatchObject({ code: 'not_found' })
  })

  it('ends the work when whoever asked leaves', async () => {
    let seen: AbortSignal | undefined
    const { clock, requests } = world((_request, _subject, signal) => {
      seen = signal
      return new Promise(() => undefined)
    })
    const abort = new AbortController()
    const asked = requests.request('work.1', Buffer.alloc(0), abort.signal).catch((error: unknown) => error)
    await clock.run(10)
    abort.abort(new SkaldError('query_cancelled', 'gone'))
    await clock.run(10)
    expect(await asked).toMatchObject({ code: 'query_cancelled' })
    expect(seen?.aborted).toBe(true)
  })

  it('goes to one member of a queue group, and tells that one when whoever asked leaves', async () => {
    const clock = new ManualClock()
    const random = new SeededRandom(3)
    const broker = new MemoryBroker({ clock, random })
    const signals: AbortSignal[] = []
    for (const name of ['a', 'b', 'c']) {
      const handle: LongHandler = (_request, _subject, signal) => (signals.push(signal), new Promise(() => undefined))
      serveLong({ transport: broker.connect(name), clock, random }, 'group', handle, { queue: 'members' })
    }
    const requests = new LongRequests({ transport: broker.connect('client'), clock, random })
    const abort = new AbortController()
    const asked = requests.request('group', Buffer.alloc(0), abort.signal).catch((error: unknown) => error)
    await clock.run(10)
    expect(signals).toHaveLength(1)
    abort.abort(new SkaldError('query_cancelled', 'gone'))
    await clock.run(10)
    expect(await asked).toMatchObject({ code: 'query_cancelled' })
    expect(signals[0]?.aborted).toBe(true)
  })
})
