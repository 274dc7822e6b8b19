/**
 * Hostile pushes against a node in a process of its own: a clear 4xx in Loki's words, nothing of what was refused stored (W3), memory within a bound, and
 * the node alive. Forms and texts in detail: test/protocols/push.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { connect, headers as natsHeaders, type NatsConnection } from '@nats-io/transport-node'
import snappy from 'snappy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { NodeProcess } from '../support/node-process.ts'
import { linesOf, nowNs, query, until } from '../support/node.ts'
import { pushBody, seeded, type PlainStream } from '../support/push-bodies.ts'

const MIB = 1024 * 1024
const BODY_MIB = 4
const DECOMPRESSED_MIB = 16
/**
 * Of everything below together, over the node at rest, once the thread that transcodes large pushes has been idle for 5 s and ended; measured: 240, half of it by the 5,000 streams, the rest heaps that have
 * grown to their size.
 */
const RSS_GROWTH_MIB_MAX = 320
/** Of bad pushes, once heaps have their size, however many they are. */
const FLAT_MIB = 48

let dataDir: string
let node: NodeProcess
let nats: NatsConnection
let restMib: number

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'skald-hostile-'))
  const natsPort = await freePort()
  node = new NodeProcess({
    tree: path.resolve(import.meta.dirname, '../..'),
    dataDir,
    httpPort: await freePort(),
    natsPort,
    environment: { SKALD_HTTP_MAX_BODY_SIZE: `${BODY_MIB}MB`, SKALD_HTTP_MAX_DECOMPRESSED_SIZE: `${DECOMPRESSED_MIB}MB`, SKALD_LOG_LEVEL: 'warn', SKALD_HTTP_SHUTDOWN_TIMEOUT: '100ms' },
  })
  node.start()
  expect(await node.ready(30_000)).toBe(true)
  nats = await connect({ servers: `nats://127.0.0.1:${natsPort}` })
  await send('warm', good('warm'))
  restMib = rssMib()
})
afterAll(async () => {
  await nats.close()
  await node.stop()
  await rm(dataDir, { recursive: true, force: true })
})

const rssMib = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${node.pid}/status`, 'utf8'))![1]) / 1024
const SNAPPY = { 'content-type': 'application/x-protobuf' }
const JSON_TYPE = { 'content-type': 'application/json' }

interface Answer {
  readonly status: number
  readonly text: string
}

async function send(tenant: string, body: Uint8Array | string, headers: Readonly<Record<string, string>> = JSON_TYPE, at = '/loki/api/v1/push'): Promise<Answer> {
  const bytes = typeof body === 'string' ? body : new Uint8Array(body)
  const answer = await fetch(`${node.url}${at}`, { method: 'POST', headers: { ...headers, 'X-Scope-OrgID': tenant }, body: bytes, signal: AbortSignal.timeout(15_000) })
  return { status: answer.status, text: (await answer.text()).trim() }
}

const json = (stream: unknown, values: unknown): string => JSON.stringify({ streams: [{ stream, values }] })
const good = (line: string): string => json({ app: 'good' }, [[String(nowNs()), line]])
const stored = async (tenant: string): Promise<string[]> => linesOf(await query(node.url, '{app=~".+"}', {}, { 'X-Scope-OrgID': tenant }))
const protobuf = (...streams: PlainStream[]): Buffer => snappy.compressSync(pushBody(streams))
const line = (text: string | Buffer) => ({ ns: nowNs(), line: Buffer.from(text) })

/** A good push next to the bad ones: it must be all that is there. */
async function onlyTheGoodLineIsStored(tenant: string): Promise<void> {
  expect(await send(tenant, good('good'))).toEqual({ status: 204, text: '' })
  expect(await stored(tenant)).toEqual(['good'])
}

describe('a push that is', () => {
  it('cut anywhere is refused whole', async () => {
    const bodies: Array<[Buffer, Record<string, string>]> = [
      [protobuf({ labels: '{app="cut"}', entries: [line('one'), line('two')] }), SNAPPY],
      [Buffer.from(json({ app: 'cut' }, [[String(nowNs()), 'one'], [String(nowNs()), 'two']])), JSON_TYPE],
      [gzipSync(json({ app: 'cut' }, [[String(nowNs()), 'one']])), { ...JSON_TYPE, 'content-encoding': 'gzip' }],
    ]
    const answers = await Promise.all(bodies.flatMap(([body, headers]) => Array.from({ length: body.length }, (_, cut) => send('cut', body.subarray(0, cut), headers))))
    for (const { status } of answers) expect([400, 422]).toContain(status)
    await onlyTheGoodLineIsStored('cut')
  })

  it('damaged is refused or stored, never a crash', async () => {
    const random = seeded(7)
    const body = pushBody([{ labels: '{app="flip"}', entries: [line('one'), { ...line('two'), metadata: [['k', 'v']] }] }])
    const answers = await Promise.all(
      Array.from({ length: 400 }, () => {
        const damaged = Buffer.from(body)
        damaged[Math.floor(random() * damaged.length)]! ^= 1 << Math.floor(random() * 8)
        return send('flip', snappy.compressSync(damaged), SNAPPY)
      }),
    )
    for (const { status } of answers) expect([204, 400, 422]).toContain(status)
  })

  it.each<[string, Uint8Array | string, Record<string, string>, number, string, string?]>([
    ['of another type', '<xml/>', { 'content-type': 'text/xml' }, 400, ''],
    ['no object', '[1, 2]', JSON_TYPE, 400, ''],
    ['of streams that are none', '{"streams": 5}', JSON_TYPE, 400, ''],
    ['of labels that are no object', json(['app'], [['1', 'x']]), JSON_TYPE, 400, ''],
    ['of labels that are numbers', json({ app: 7 }, [['1', 'x']]), JSON_TYPE, 400, ''],
    ['of values that are no lists', json({ app: 'x' }, [{ ts: 1 }]), JSON_TYPE, 400, ''],
    ['of times that are words', json({ app: 'x' }, [['now', 'x']]), JSON_TYPE, 400, ''],
    ['of lines that are numbers', json({ app: 'x' }, [['1', 5]]), JSON_TYPE, 400, ''],
    ['deeply nested', `{"streams":${'['.repeat(100_000)}`, JSON_TYPE, 400, ''],
    ['of labels that do not parse', protobuf({ labels: '{app="x', entries: [line('x')] }), SNAPPY, 400, "couldn't parse labels"],
    ['of labels that are no UTF-8', snappy.compressSync(Buffer.from([0x0a, 0x0e, 0x0a, 0x0a, ...Buffer.from('{app="'), 0xff, 0xfe, ...Buffer.from('"}'), 0x12, 0x00])), SNAPPY, 400, ''],
    ['without streams', protobuf(), SNAPPY, 422, 'error at least one valid stream is required for ingestion'],
    ['not snappy', 'plain text', SNAPPY, 400, 'snappy: corrupt input'],
    ['not gzip', 'plain text', { ...JSON_TYPE, 'content-encoding': 'gzip' }, 400, 'gzip'],
    ['garbage for OTLP', Buffer.alloc(1_000, 0x7f), SNAPPY, 400, '', '/otlp/v1/logs'],
  ])('%s is a clear 4xx', async (_what, body, headers, status, text, at) => {
    const answer = await send('wrong', body, headers, at)
    expect(answer.status).toBe(status)
    expect(answer.text).toContain(text)
    expect(answer.text.length).toBeGreaterThan(0)
    expect(await stored('wrong')).toEqual([])
  })

  it('larger than the limit is refused, announced or not', async () => {
    const large = Buffer.alloc(BODY_MIB * MIB + 1, 0x20)
    expect(await send('large', large, SNAPPY)).toEqual({ status: 413, text: `request body too large: message size too large than max (${large.length} vs ${BODY_MIB * MIB})` })
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(256 * 1024)) })
    const answer = await fetch(`${node.url}/loki/api/v1/push`, { method: 'POST', headers: SNAPPY, body: endless, duplex: 'half' } as RequestInit).then(
      ({ status }) => status,
      // The node may close the connection while the client still sends.
      () => 413,
    )
    expect(answer).toBe(413)
    await onlyTheGoodLineIsStored('large')
  })

  it('a bomb is stopped at the limit', async () => {
    const zeros = Buffer.alloc(256 * MIB)
    const announced4GiB = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00])
    const bombs: Array<[Buffer, Record<string, string>, string?]> = [
      [gzipSync(zeros, { level: 1 }), { ...JSON_TYPE, 'content-encoding': 'gzip' }],
      [deflateRawSync(zeros, { level: 1 }), { ...JSON_TYPE, 'content-encoding': 'deflate' }],
      [snappy.compressSync(zeros.subarray(0, 64 * MIB)), SNAPPY],
      [announced4GiB, SNAPPY],
      [zstdCompressSync(zeros), { ...SNAPPY, 'content-encoding': 'zstd' }, '/otlp/v1/logs'],
    ]
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(bombs.map(([body, headers, at]) => send('bomb', body, headers, at)))
      expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400])
      expect(answers[0]!.text).toContain(`decompressed message size too large than max (${DECOMPRESSED_MIB * MIB + 1} vs ${DECOMPRESSED_MIB * MIB})`)
    }
    await onlyTheGoodLineIsStored('bomb')
  })

  it('partly wrong stores what is right and names the rest', async () => {
    const answer = await send('part', protobuf({ labels: '{app="part"}', entries: [line('right'), line('x'.repeat(300_000)), { ns: 1n, line: Buffer.from('of 1970') }] }), SNAPPY)
    expect(answer.status).toBe(400)
    expect(answer.text).toContain("max entry size '262144' bytes exceeded for stream '{app=\"part\", service_name=\"part\"}' while adding an entry with length '300000' bytes")
    expect(answer.text).toContain('has timestamp too old')
    expect(await stored('part')).toEqual(['right'])
  })

  it('of lines that are no text is stored as it came, or as text', async () => {
    expect((await send('bytes', protobuf({ labels: '{app="bytes"}', entries: [line(Buffer.from([0x61, 0xff, 0x00, 0x62]))] }), SNAPPY)).status).toBe(204)
    expect((await stored('bytes'))[0]).toMatch(/^a.*b$/s)
  })
})

describe('a client that', () => {
  it('leaves in the middle of its upload leaves nothing behind', async () => {
    const body = protobuf({ labels: '{app="left"}', entries: [line('x'.repeat(100_000))] })
    await Promise.all(Array.from({ length: 100 }, (_, i) => sendPart('left', body, Math.floor((body.length * i) / 100), 'leave')))
    await onlyTheGoodLineIsStored('left')
  })

  it('sends a byte now and then does not keep others waiting', async () => {
    const body = protobuf({ labels: '{app="slow"}', entries: [line('slow')] })
    const slow = await Promise.all(Array.from({ length: 200 }, () => sendPart('slow', body, 1, 'stay')))
    await onlyTheGoodLineIsStored('slow')
    for (const socket of slow) socket.destroy()
  })
})

/** Announces all of the body and sends a part of it. */
function sendPart(tenant: string, body: Buffer, bytes: number, then: 'leave' | 'stay'): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(node.options.httpPort, '127.0.0.1', () => {
      socket.write(`POST /loki/api/v1/push HTTP/1.1\r\nHost: x\r\nX-Scope-OrgID: ${tenant}\r\nContent-Type: application/x-protobuf\r\nContent-Length: ${body.length}\r\n\r\n`)
      socket.write(body.subarray(0, bytes), () => {
        if (then === 'leave') socket.destroy()
        resolve(socket)
      })
    })
    socket.on('error', reject)
  })
}

describe('many or large', () => {
  it('tenants: a thousand with odd names are kept apart, impossible names refused', async () => {
    const odd = "!-_.*'()"
    const names = Array.from({ length: 1_000 }, (_, i) => `${odd[i % odd.length]}${i}${odd.slice(0, i % odd.length)}`.slice(0, 150))
    for (let i = 0; i < names.length; i += 50) {
      const answers = await Promise.all(names.slice(i, i + 50).map((name) => send(name, good(`of ${name}`))))
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204]))
    }
    for (const name of [names[0]!, names[513]!, names[999]!]) expect(await stored(name)).toEqual([`of ${name}`])
    for (const name of ['a/b', '..', '.', 'a b', 'x'.repeat(151), 'a\\b', 'a"b', '{a}', 'a|b']) {
      const answer = await send(name, good('x'))
      expect([name, answer.status]).toEqual([name, 400])
      expect(answer.text).toMatch(/tenant ID|org ID/)
    }
  })

  it('label sets are refused by the limit that they exceed, in an answer of bounded size', async () => {
    const labels = (count: number, value: string): Record<string, string> => Object.fromEntries(Array.from({ length: count }, (_, i) => [`app${i === 0 ? '' : i}`, value]))
    const many = await send('labels', json(labels(10_000, 'v'), [[String(nowNs()), 'x']]))
    expect(many.status).toBe(400)
    expect(many.text).toContain('label names; limit 15')
    const long = await send('labels', json({ app: 'v'.repeat(MIB) }, [[String(nowNs()), 'x']]))
    expect(long.text).toContain('has label value too long')
    expect((await send('labels', json({ ['n'.repeat(2_000)]: 'v' }, [[String(nowNs()), 'x']]))).text).toContain('has label name too long')
    await onlyTheGoodLineIsStored('labels')
  })

  it('streams: of 20,000 in one push the tenant gets its limit, again and again', async () => {
    const streams = Array.from({ length: 20_000 }, (_, i) => ({ labels: `{app="many", pod="pod-${i}"}`, entries: [line(`line ${i}`)] }))
    const body = protobuf(...streams)
    for (let round = 0; round < 3; round++) {
      const answer = await send('streams', body, SNAPPY)
      expect(answer.status).toBe(429)
      expect(answer.text).toContain('maximum active stream limit exceeded when trying to create stream {app="many", pod="pod-5000", service_name="many"}, reduce the number of active streams')
      expect(answer.text.length).toBeLessThan(256 * 1024)
    }
    const search = new URLSearchParams({ query: 'sum(count_over_time({app="many"}[1h]))' })
    const counted = (await (await fetch(`${node.url}/loki/api/v1/query?${search}`, { headers: { 'X-Scope-OrgID': 'streams' } })).json()) as { data: { result: Array<{ value: [number, string] }> } }
    expect(counted.data.result[0]!.value[1]).toBe('5000')
  })

  it('requests over NATS are answered like those over HTTP', async () => {
    const random = seeded(11)
    const ask = async (subject: string, body: Uint8Array, type: string | null): Promise<string> => {
      const headers = natsHeaders()
      if (type !== null) headers.set('Content-Type', type)
      const answer = await nats.request(subject, body, { headers, timeout: 10_000 })
      return `${answer.headers?.get('Status')} ${new TextDecoder().decode(answer.data)}`
    }
    const garbage = Array.from({ length: 200 }, (_, i) => Buffer.from(Array.from({ length: i * 10 }, () => Math.floor(random() * 256))))
    const answers = await Promise.all(garbage.map((body, i) => ask('skald.push.garbage', body, [null, 'application/json', 'application/x-protobuf', 'nonsense'][i % 4]!)))
    for (const answer of answers) expect(answer).toMatch(/^(400|422) ./)
    expect(await ask('skald.push.a.b', Buffer.from(good('x')), 'application/json')).toMatch(/^(204|400)/)
    expect(await ask(`skald.push.${'x'.repeat(200)}`, Buffer.from(good('x')), 'application/json')).toMatch(/^400 /)
    expect(await ask('skald.push.garbage', Buffer.alloc(BODY_MIB * MIB + 1), 'application/x-protobuf')).toMatch(/^413 request body too large/)
    // Nobody to answer to.
    nats.publish('skald.push.garbage', 'garbage')
    await nats.flush()
    await onlyTheGoodLineIsStored('garbage')
  })
})

it('bad pushes again and again leave memory flat, and nothing behind', async () => {
  const zeros = Buffer.alloc(64 * MIB)
  const bad: Array<[Uint8Array | string, Record<string, string>, string?]> = [
    [gzipSync(zeros, { level: 1 }), { ...JSON_TYPE, 'content-encoding': 'gzip' }],
    [snappy.compressSync(zeros), SNAPPY],
    [zstdCompressSync(zeros), { ...SNAPPY, 'content-encoding': 'zstd' }, '/otlp/v1/logs'],
    [Buffer.alloc(BODY_MIB * MIB + 1), SNAPPY],
    [Buffer.alloc(BODY_MIB * MIB, 0x7b), JSON_TYPE],
    [snappy.compressSync(Buffer.alloc(DECOMPRESSED_MIB * MIB, 0x12)), SNAPPY],
    [protobuf({ labels: '{app="flat"', entries: [line('x'.repeat(MIB))] }), SNAPPY],
  ]
  // What waits for a collection at one look is gone at another: the least of several is what stays.
  const leastMib = async (looks: number, rounds: number): Promise<number> => {
    const seen: number[] = []
    for (let look = 0; look < looks; look++) {
      for (let round = 0; round < rounds; round++) {
        for (const { status } of await Promise.all(bad.map(([body, headers, at]) => send('flat', body, headers, at)))) expect([400, 413]).toContain(status)
      }
      seen.push(rssMib())
    }
    return Math.min(...seen)
  }
  const first = await leastMib(3, 5)
  const last = await leastMib(8, 5)
  expect(last - first).toBeLessThan(FLAT_MIB)
  await onlyTheGoodLineIsStored('flat')
})

it(`all of this costs the node less than ${RSS_GROWTH_MIB_MAX} MiB, and it goes on`, async () => {
  expect(node.pid).toBeDefined()
  expect(await node.ready(10_000)).toBe(true)
  expect(await send('after', good('after'))).toEqual({ status: 204, text: '' })
  expect(node.log).not.toMatch(/crashed|unhandled/i)
  await until(`memory ${Math.round(rssMib())} MiB, ${Math.round(restMib)} MiB at rest`, async () => rssMib() - restMib < RSS_GROWTH_MIB_MAX)
})
