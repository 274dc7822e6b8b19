/**
 * Stands at the node's address while the node starts, which may last as long as NATS is away: `/ready` says what is waited for, `/metrics` answers probes, and everything else is
 * to be tried again. `root.ts` closes it just before the real server takes the address.
 */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { cannotListen } from './http-server.ts'
import type { Metrics } from './metrics.ts'

export interface HttpLobbyOptions {
  readonly host: string
  /** 0: nobody can know the address, so there is nothing to answer. */
  readonly port: number
  readonly metrics: Metrics
}

export interface HttpLobby {
  /** The end of "Ingester not ready: ". */
  waitsFor(what: string): void
  /** Drops its connections: their clients come again. */
  close(): Promise<void>
}

/** Rejects with SkaldError `setup` when it cannot listen. */
export async function openHttpLobby(options: HttpLobbyOptions): Promise<HttpLobby> {
  let waitsFor = 'it starts'
  if (options.port === 0) return { waitsFor: () => undefined, close: async () => undefined }
  const server = createServer((request, response) => {
    const isScrape = request.method === 'GET' && request.url?.split('?')[0] === '/metrics'
    if (isScrape) void options.metrics.render().then(({ contentType, text }) => answer(response, 200, contentType, text))
    else answer(response, 503, 'text/plain; charset=utf-8', `Ingester not ready: ${waitsFor}\n`, { 'retry-after': '1' })
  })
  server.listen(options.port, options.host)
  await once(server, 'listening').catch((error: unknown) => {
    throw cannotListen(options, error)
  })
  return {
    waitsFor: (what) => void (waitsFor = what),
    close: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function answer(response: ServerResponse, status: number, contentType: string, body: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-type': contentType, connection: 'close', ...headers }).end(body)
}
