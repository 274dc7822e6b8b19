/** What a node answers while it starts. */
import { expect, it } from 'vitest'
import { HttpLobby } from '../../runtime/http-lobby.ts'
import { startHttpServer } from '../../runtime/http-server.ts'
import { createMetrics } from '../../runtime/metrics.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/node.ts'

it('keeps the address shut until there is something to wait for, then says what, is alive for probes, and leaves the address to the server', async () => {
  const metrics = createMetrics({ processMetrics: true })
  const at = { host: '127.0.0.1', port: await freePort(), metrics }
  const lobby = new HttpLobby(at)
  const get = async (path: string): Promise<[number, string]> => {
    const answer = await fetch(`http://127.0.0.1:${at.port}${path}`)
    return [answer.status, await answer.text()]
  }
  await expect(get('/ready')).rejects.toThrow()
  lobby.waitsFor('NATS does not answer')
  await until('it listens', () => get('/ready'))
  lobby.waitsFor('NATS does not answer either')
  for (const path of ['/ready', '/loki/api/v1/labels']) expect(await get(path)).toEqual([503, 'Ingester not ready: NATS does not answer either\n'])
  expect(await get('/metrics')).toEqual([200, expect.stringContaining('process_cpu') as string])
  await lobby.close()
  await lobby.close()
  const server = await startHttpServer({ ...at, routes: [], onError: () => ({ status: 500 }) })
  expect(await get('/ready')).toEqual([404, '404 page not found\n'])
  await server.close(0)
})
