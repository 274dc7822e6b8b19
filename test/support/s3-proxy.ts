/**
 * An S3 server's misbehaving front: passes requests on to a real one, counts what it serves, and on order refuses, stalls, answers 503, cuts answers short,
 * flips a bit in them, or has forgotten objects. What lies between a node and its bucket.
 */
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type S3Fault = 'refuse' | 'stall' | 'unavailable' | 'truncate' | 'flip-bit' | 'forget'

/** Which requests a fault is for: `GET`, `PUT` … and the object's path. */
export type Faults = (method: string, path: string) => S3Fault | undefined

export interface S3Proxy {
  /** As the server's, through the proxy. */
  readonly url: string
  faults: Faults
  /** Since the last reset: bytes of objects that were served, but for the cluster's mark, which nodes look at all the time; and requests by method. */
  readonly servedBytes: number
  readonly requests: ReadonlyMap<string, number>
  /** Requests that met a fault. */
  readonly faulted: number
  reset(): void
  stop(): Promise<void>
}

const NO_SUCH_KEY = '<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>'
const SLOW_DOWN = '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'

/** `url`: an object store URL with an `http://127.0.0.1:<port>` endpoint. */
export async function startS3Proxy(url: string): Promise<S3Proxy> {
  const targetPort = Number(/127\.0\.0\.1:(\d+)/.exec(url)?.[1])
  const state = { faults: (() => undefined) as Faults, servedBytes: 0, faulted: 0, requests: new Map<string, number>() }
  const server = createServer((incoming, outgoing) => {
    const method = incoming.method ?? 'GET'
    state.requests.set(method, (state.requests.get(method) ?? 0) + 1)
    const fault = state.faults(method, incoming.url ?? '')
    if (fault !== undefined) state.faulted++
    if (fault === 'refuse') return void incoming.socket.destroy()
    if (fault === 'stall') return void incoming.resume()
    if (fault === 'unavailable') return answer(incoming, outgoing, 503, SLOW_DOWN)
    if (fault === 'forget') return answer(incoming, outgoing, 404, NO_SUCH_KEY)
    forward(targetPort, incoming, outgoing, fault, (bytes) => {
      if (method === 'GET' && !/list-type|\/cluster\.json/.test(incoming.url ?? '')) state.servedBytes += bytes
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: url.replace(`127.0.0.1:${targetPort}`, `127.0.0.1:${(server.address() as AddressInfo).port}`),
    get faults() {
      return state.faults
    },
    set faults(faults) {
      state.faults = faults
    },
    get servedBytes() {
      return state.servedBytes
    },
    get requests() {
      return state.requests
    },
    get faulted() {
      return state.faulted
    },
    reset: () => void Object.assign(state, { servedBytes: 0, faulted: 0, requests: new Map() }),
    stop: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function answer(incoming: IncomingMessage, outgoing: ServerResponse, status: number, body: string): void {
  incoming.resume().on('end', () => outgoing.writeHead(status, { 'content-type': 'application/xml' }).end(incoming.method === 'HEAD' ? undefined : body))
}

function forward(port: number, incoming: IncomingMessage, outgoing: ServerResponse, fault: S3Fault | undefined, served: (bytes: number) => void): void {
  const { method, url, headers } = incoming
  const passed = request({ host: '127.0.0.1', port, method, path: url, headers }, (reply) => {
    const chunks: Buffer[] = []
    reply.on('data', (chunk: Buffer) => chunks.push(chunk))
    reply.on('end', () => {
      const body = Buffer.concat(chunks)
      served(body.length)
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers)
      if (fault === 'flip-bit' && body.length > 0) body[body.length >> 1]! ^= 0x10
      if (fault === 'truncate') outgoing.write(body.subarray(0, body.length >> 1), () => outgoing.destroy())
      else outgoing.end(body)
    })
  })
  passed.on('error', () => outgoing.destroy())
  incoming.pipe(passed)
}
