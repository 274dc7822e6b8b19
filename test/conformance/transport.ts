/** The suite that every messaging port passes: `transport.test.ts` runs it over each implementation. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Message, Transport } from '../../runtime/transport.ts'

export interface TransportUnderTest {
  /** Two nodes of one system. */
  readonly a: Transport
  readonly b: Transport
  /** Resolves when what both have asked of the server has taken effect. */
  settle(): Promise<void>
  /** Makes deadlines pass where time is simulated. */
  passTime(ms: number): Promise<void>
  /** Cuts `a` off from the server, and back. */
  disconnect(): Promise<void>
  reconnect(): Promise<void>
  stop(): Promise<void>
}

const bytes = (text: string): Uint8Array => Buffer.from(text)

export function transportSuite(name: string, start: () => Promise<TransportUnderTest>): void {
  describe(name, () => {
    let t: TransportUnderTest
    beforeEach(async () => void (t = await start()))
    afterEach(() => t.stop())

    /** Collects messages of one subject at `b`. */
    const collect = async (subject: string, queue?: string): Promise<string[]> => {
      const got: string[] = []
      t.b.subscribe(subject, (m) => got.push(`${m.subject}=${m.data.toString()}`), queue === undefined ? {} : { queue })
      await t.settle()
      return got
    }

    it('delivers in order to every subscriber, and a copy of the bytes', async () => {
      const first = await collect('x.y')
      const second = await collect('x.y')
      const buffer = Buffer.from('0')
      for (let i = 0; i < 100; i++) {
        buffer[0] = 48 + (i % 10)
        t.a.publish('x.y', Buffer.from(buffer))
      }
      await expect.poll(() => first.length).toBe(100)
      await expect.poll(() => second.length).toBe(100)
      expect(first).toEqual(Array.from({ length: 100 }, (_, i) => `x.y=${i % 10}`))
    })

    it.each([
      ['a.*.c', ['a.b.c'], ['a.b', 'a.b.c.d', 'a.b.d']],
      ['a.>', ['a.b', 'a.b.c'], ['a', 'b.a']],
      ['a.b', ['a.b'], ['a.bb', 'a.b.c']],
    ])('matches %s', async (pattern, matching, others) => {
      const got = await collect(pattern)
      const last = pattern.replace('*', 'z').replace('>', 'z')
      for (const subject of [...others, ...matching, last]) t.a.publish(subject, bytes(''))
      await expect.poll(() => got).toEqual([...matching, last].map((s) => `${s}=`))
    })

    it('gives a message to one member of a queue group, and to plain subscribers as well', async () => {
      const members = [await collect('q', 'workers'), await collect('q', 'workers'), await collect('q', 'workers')]
      const other = await collect('q', 'auditors')
      const plain = await collect('q')
      for (let i = 0; i < 300; i++) t.a.publish('q', bytes(String(i)))
      await expect.poll(() => [other.length, plain.length]).toEqual([300, 300])
      const counts = members.map((m) => m.length)
      expect(counts.reduce((x, y) => x + y)).toBe(300)
      expect(Math.min(...counts)).toBeGreaterThan(20)
    })

    it('carries headers both ways in a request', async () => {
      t.b.subscribe('echo', (m) => m.respond(Buffer.concat([m.data, bytes('!')]), { 'Skald-Trace': m.headers['Skald-Trace'] ?? 'none', 'Skald-Error': 'größer:\nzwei' }))
      await t.settle()
      const answer = await t.a.request('echo', bytes('hi'), { timeoutMs: 5_000, headers: { 'Skald-Trace': '00-abc-01' } })
      expect(answer.data.toString()).toBe('hi!')
      expect(answer.headers).toEqual({ 'Skald-Trace': '00-abc-01', 'Skald-Error': 'größer: zwei' })
      expect((await t.a.request('echo', bytes(''), { timeoutMs: 5_000 })).headers['Skald-Trace']).toBe('none')
    })

    it('says at once that nobody listens', async () => {
      await expect(t.a.request('nobody', bytes(''), { timeoutMs: 60_000 })).rejects.toMatchObject({ code: 'not_found' })
    })

    it('gives up at the deadline', async () => {
      await collect('silent')
      const asked = t.a.request('silent', bytes(''), { timeoutMs: 50 })
      const outcome = expect(asked).rejects.toMatchObject({ code: 'query_timeout' })
      await t.passTime(50)
      await outcome
    })

    it('gives up when the caller does, with the reason of the caller', async () => {
      await collect('silent')
      const abort = new AbortController()
      const asked = t.a.request('silent', bytes(''), { timeoutMs: 60_000, signal: abort.signal })
      abort.abort(new Error('client left'))
      await expect(asked).rejects.toThrow('client left')
      await expect(t.a.request('silent', bytes(''), { timeoutMs: 60_000, signal: abort.signal })).rejects.toThrow('client left')
    })

    it('takes the first of several answers', async () => {
      for (const name of ['one', 'two']) t.b.subscribe('twice', (m) => (m.respond(bytes(name)), m.respond(bytes('again'))))
      await t.settle()
      expect(['one', 'two']).toContain((await t.a.request('twice', bytes(''), { timeoutMs: 5_000 })).data.toString())
    })

    it('ignores an answer that nobody asked for', async () => {
      const got: Message[] = []
      t.b.subscribe('plain', (m) => (got.push(m), m.respond(bytes('?'))))
      await t.settle()
      t.a.publish('plain', bytes(''))
      await expect.poll(() => got.length).toBe(1)
    })

    it('stops delivering after close', async () => {
      const got: string[] = []
      const subscription = t.b.subscribe('s', (m) => got.push(m.data.toString()))
      await t.settle()
      t.a.publish('s', bytes('before'))
      await expect.poll(() => got).toEqual(['before'])
      await subscription.close()
      await subscription.close()
      await t.settle()
      await expect(t.a.request('s', bytes('after'), { timeoutMs: 5_000 })).rejects.toMatchObject({ code: 'not_found' })
      expect(got).toEqual(['before'])
    })

    it('names the largest message and takes one of that size', async () => {
      const size = t.a.maxPayloadBytes()
      expect(size).toBeGreaterThanOrEqual(1024 * 1024)
      t.b.subscribe('big', (m) => m.respond(bytes(String(m.data.length))))
      await t.settle()
      const answer = await t.a.request('big', Buffer.alloc(size - 1024), { timeoutMs: 10_000 })
      expect(answer.data.toString()).toBe(String(size - 1024))
    })

    it('refuses while disconnected, says so, and works again after', async () => {
      const seen: string[] = []
      const unlisten = t.a.onStatus((status) => seen.push(status))
      const got = await collect('again')
      await t.disconnect()
      await expect.poll(() => t.a.status()).toBe('disconnected')
      await expect(t.a.request('again', bytes(''), { timeoutMs: 60_000 })).rejects.toMatchObject({ code: 'internal', retryable: true })
      expect(() => t.a.publish('again', bytes('lost'))).toThrow(expect.objectContaining({ code: 'internal' }))
      await t.reconnect()
      await expect.poll(() => [t.a.status(), t.b.status()], { timeout: 15_000 }).toEqual(['connected', 'connected'])
      await t.settle()
      t.a.publish('again', bytes('back'))
      await expect.poll(() => got).toEqual(['again=back'])
      expect(seen).toEqual(['disconnected', 'connected'])
      unlisten()
    })

    it('fails what was asked before the connection was lost', async () => {
      await collect('silent')
      const outcome = expect(t.a.request('silent', bytes(''), { timeoutMs: 60_000 })).rejects.toMatchObject({ code: 'internal', retryable: true })
      await t.settle()
      await t.disconnect()
      await outcome
      await t.reconnect()
    })

    it('closes once and for all', async () => {
      await t.a.close()
      await t.a.close()
      expect(t.a.status()).toBe('closed')
      expect(() => t.a.publish('x', bytes(''))).toThrow(expect.objectContaining({ code: 'internal', retryable: false }))
    })
  })
}
