/**
 * A port for a server that a test starts. Below the range from which the system takes ports of outgoing connections (32768 and up on Linux): a port from there that was free a moment ago may be
 * anybody's when the server asks for it, and a killed server's may be gone when it starts again.
 */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

const PORT_MIN = 12_000
const PORT_MAX = 32_000
const TRIES_MAX = 100

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = randomInt(PORT_MIN, PORT_MAX)
    if (await isFree(port)) return port
  }
  throw new Error(`none of ${TRIES_MAX} ports is free`)
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
