/** One opening of a watch through a consumer: what it takes from a server that says what the test has it say, and when it gives up, so that the next opening tells what was missed. */
import type { ConsumerConfig, JetStreamManager } from '@nats-io/jetstream'
import { headers, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import type { OpenWatch } from '../../runtime/kv-watch.ts'
import { openKvSource } from '../../runtime/nats-kv-watch.ts'
import type { Transport, TransportStatus } from '../../runtime/transport.ts'

type Listen = (status: TransportStatus) => void

/** A server with one consumer. */
class Server {
  readonly clock = new ManualClock()
  readonly seen: string[] = []
  /** What the watch has published, and answered. */
  readonly said: string[] = []
  config: Partial<ConsumerConfig> = {}
  isDeleted = false
  #deliver: (message: Msg) => void = () => undefined
  #status: Listen = () => undefined

  /** The consumer has so much to send. */
  open(pendingCount: number): Promise<OpenWatch> {
    const connection = {
      subscribe: (_inbox: string, { callback }: { callback: (error: null, message: Msg) => void }) => ((this.#deliver = (message) => callback(null, message)), { unsubscribe: () => undefined }),
      publish: (subject: string) => this.said.push(subject),
      isClosed: () => false,
    } as unknown as NatsConnection
    const transport = { status: () => 'connected', onStatus: (listen: Listen) => ((this.#status = listen), () => undefined) } as unknown as Transport
    const consumers = { add: async (_stream: string, config: ConsumerConfig) => ((this.config = config), { name: 'c', num_pending: pendingCount }), delete: async () => (this.isDeleted = true) }
    return openKvSource({ connection, transport, clock: this.clock, bucket: 'b', prefix: 'a.', filter: 'a.>' }, { consumers } as unknown as JetStreamManager, {
      put: ({ key, value, revision }) => this.seen.push(`${key}=${value.toString()} ${revision}`),
      delete: (key, revision) => this.seen.push(`-${key} ${revision}`),
      current: () => this.seen.push('current'),
      lost: () => this.seen.push('lost'),
    })
  }

  /** The value of a key, as NATS ADR-15 has it. */
  value(key: string, text: string, consumerSequence: number, pendingCount: number, operation = ''): void {
    const made = headers()
    if (operation !== '') made.set('KV-Operation', operation)
    const reply = `$JS.ACK.KV_b.c.1.${100 + consumerSequence}.${consumerSequence}.1700000000000000000.${pendingCount}`
    this.#deliver({ subject: `$KV.b.${key}`, data: Buffer.from(text), headers: made, reply } as unknown as Msg)
  }

  heartbeat(values: Readonly<Record<string, string>>, reply = ''): void {
    const made = headers(100, 'Idle Heartbeat')
    for (const [name, value] of Object.entries(values)) made.set(name, value)
    this.#deliver({ subject: 'inbox', data: Buffer.alloc(0), headers: made, reply, respond: () => this.said.push(reply) } as unknown as Msg)
  }

  end(): void {
    this.#deliver({ subject: 'inbox', data: Buffer.alloc(0), headers: headers(409, 'Consumer Deleted') } as unknown as Msg)
  }

  reconnect(): void {
    this.#status('connected')
  }
}

describe('a watch through a consumer', () => {
  it('tells of what is there, that this was all, and of what changes under its prefix', async () => {
    const server = new Server()
    await server.open(3)
    server.value('a.1', 'one', 1, 2)
    server.value('other', 'x', 2, 1)
    server.value('a.2', '', 3, 0, 'DEL')
    server.value('a.1', 'two', 4, 0)
    expect(server.seen).toEqual(['a.1=one 101', '-a.2 103', 'current', 'a.1=two 104', 'current'])
  })

  it('is current at once when nothing is to come, and when what was to come has expired', async () => {
    const server = new Server()
    await server.open(0)
    expect(server.seen).toEqual(['current'])
    const later = new Server()
    await later.open(3)
    expect(later.seen).toEqual([])
    later.heartbeat({ 'Nats-Last-Consumer': '0' })
    expect(later.seen).toEqual(['current'])
  })

  it.each<[string, (server: Server) => void]>([
    ['a message between was lost', (server) => server.value('a.1', 'x', 2, 0)],
    ['a heartbeat tells of messages that have not come', (server) => server.heartbeat({ 'Nats-Last-Consumer': '1' })],
    ['its consumer has been deleted', (server) => server.end()],
    ['the connection was made anew: what was sent meanwhile is lost', (server) => server.reconnect()],
  ])('is given up when %s', async (_when, happens) => {
    const server = new Server()
    await server.open(1)
    happens(server)
    expect(server.seen).toEqual(['lost'])
  })

  it('is given up after the silence of two and a half heartbeats', async () => {
    const server = new Server()
    await server.open(0)
    server.clock.advance(2_000)
    server.heartbeat({ 'Nats-Last-Consumer': '0' })
    server.clock.advance(2_400)
    expect(server.seen).not.toContain('lost')
    server.clock.advance(200)
    expect(server.seen.at(-1)).toBe('lost')
    expect(server.config.idle_heartbeat).toBe(1_000_000_000)
  })

  it('answers a server that asks whether it keeps up', async () => {
    const server = new Server()
    await server.open(0)
    server.heartbeat({}, 'flow.asked')
    server.heartbeat({ 'Nats-Last-Consumer': '0', 'Nats-Consumer-Stalled': 'flow.stalled' })
    expect(server.said).toEqual(['flow.asked', 'flow.stalled'])
  })

  it('takes its consumer away, and says nothing more', async () => {
    const server = new Server()
    const watch = await server.open(0)
    watch.close()
    server.value('a.1', 'x', 1, 0)
    server.clock.advance(60_000)
    expect([server.seen, server.isDeleted]).toEqual([['current'], true])
  })
})
