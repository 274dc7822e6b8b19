/** A node as far as `skald push` sees it: takes pushes on loopback, decodes them, and answers as it is told. */
import type { IncomingHttpHeaders } from 'node:http'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import snappy from 'snappy'

export interface ReceivedEntry {
  readonly labels: string
  readonly ns: bigint
  readonly line: string
}

export interface ReceivedPush {
  readonly id: string
  readonly headers: IncomingHttpHeaders
  readonly entries: ReadonlyArray<ReceivedEntry>
}

export interface PushAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface PushServer {
  readonly url: string
  readonly pushes: ReceivedPush[]
  close(): Promise<void>
}

/** `answer`: per push in order of arrival; default 204. */
export async function startPushServer(answer: (index: number, push: ReceivedPush) => PushAnswer = () => ({ status: 204 })): Promise<PushServer> {
  const pushes: ReceivedPush[] = []
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const received = { id: String(request.headers['x-skald-push-id']), headers: request.headers, entries: decode(snappy.uncompressSync(Buffer.concat(parts)) as Buffer) }
      pushes.push(received)
      const { status, headers, body } = answer(pushes.length - 1, received)
      response.writeHead(status, headers).end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { pushes, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(() => resolve()) }) }
}

/** A slow, plain decoder of its own, so that encoder and decoder of the product cannot be wrong together. */
function decode(message: Buffer): ReceivedEntry[] {
  return fields(message).flatMap((stream) => {
    const inner = fields(stream.bytes)
    const labels = inner.find((field) => field.tag === 1)?.bytes.toString() ?? ''
    return inner.filter((field) => field.tag === 2).map((entry) => {
      const parts = fields(entry.bytes)
      const time = fields(parts.find((field) => field.tag === 1)?.bytes ?? Buffer.alloc(0))
      const number = (tag: number): bigint => time.find((field) => field.tag === tag)?.value ?? 0n
      return { labels, ns: number(1) * 1_000_000_000n + number(2), line: parts.find((field) => field.tag === 2)?.bytes.toString() ?? '' }
    })
  })
}

function fields(message: Buffer): Array<{ tag: number; value: bigint; bytes: Buffer }> {
  const found: Array<{ tag: number; value: bigint; bytes: Buffer }> = []
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++] ?? 0
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (at < message.length) {
    const key = Number(varint())
    const value = varint()
    const end = (key & 7) === 2 ? at + Number(value) : at
    found.push({ tag: key >> 3, value, bytes: message.subarray(at, end) })
    at = end
  }
  return found
}
