/**
 * The greeting of a nats-server: it speaks first, one `INFO {json}` line. Enough to know that it serves, on which port, and with JetStream,
 * without a client. Used by `nats-server.ts`. Source: https://docs.nats.io/reference/reference-protocols/nats-protocol#info
 */
import net from 'node:net'

export interface ServerInfo {
  readonly version: string
  readonly port: number
  readonly jetstream: boolean
}

const GREETING_BYTES_MAX = 64 << 10

/** Null when nothing there speaks NATS within `timeoutMs`. */
export function readServerInfo(host: string, port: number, timeoutMs: number): Promise<ServerInfo | null> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port })
    let greeting = ''
    const finish = (info: ServerInfo | null): void => {
      socket.destroy()
      resolve(info)
    }
    socket.setTimeout(timeoutMs, () => finish(null))
    socket.on('error', () => finish(null))
    socket.on('close', () => finish(null))
    socket.on('data', (part) => {
      greeting += part.toString('latin1')
      const end = greeting.indexOf('\r\n')
      if (end !== -1 || greeting.length > GREETING_BYTES_MAX) finish(parse(greeting.slice(0, Math.max(end, 0))))
    })
  })
}

function parse(line: string): ServerInfo | null {
  if (!line.startsWith('INFO ')) return null
  try {
    const info: unknown = JSON.parse(line.slice('INFO '.length))
    if (typeof info !== 'object' || info === null || !('version' in info) || !('port' in info)) return null
    return { version: String(info.version), port: Number(info.port), jetstream: 'jetstream' in info && info.jetstream === true }
  } catch {
    return null
  }
}
