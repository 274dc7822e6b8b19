/**
 * Stands at the node's address while its start waits for something that is away for everybody: `/ready` says what it is, `/metrics` answers probes, everything else is to be tried again.
 * A start that waits for nothing keeps the address shut, so that a balancer asks another node. `root.ts` closes it before the real server takes the address.
 */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { Metrics } from './metrics.ts'

export interface HttpLobbyOptions {
  readonly host: string
  /** 0: nobody can know the address, so there is nothing to answer. */
  readonly port: number
  readonly metrics: Metrics
}

export class HttpLobby {
  readonly #options: HttpLobbyOptions
  #waitsFor = ''
  readonly #server = createServer((request, response) => {
    const isScrape = request.method === 'GET' && request.url?.split('?')[0] === '/metrics'
    if (isScrape) void this.#options.metrics.render().then(({ contentType, text }) => answer(response, 200, contentType, text))
    else answer(response, 503, 'text/plain; charset=utf-8', `Ingester not ready: ${this.#waitsFor}\n`, { 'retry-after': '1' })
  })

  constructor(options: HttpLobbyOptions) {
    this.#options = options
    // An address that is taken is the real server's to tell of.
    this.#server.on('error', () => undefined)
  }

  /** `what` ends the sentence "Ingester not ready: ". */
  waitsFor(what: string): void {
    const { host, port } = this.#options
    if (this.#waitsFor === '' && port !== 0) this.#server.listen(port, host)
    this.#waitsFor = what
  }

  /** Drops its connections: their clients come again. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}

function answer(response: ServerResponse, status: number, contentType: string, body: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-type': contentType, connection: 'close', ...headers }).end(body)
}
