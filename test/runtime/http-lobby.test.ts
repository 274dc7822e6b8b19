/** What a node answers while it starts. */
import { expect, it } from 'vitest'
import { openHttpLobby } from '../../runtime/http-lobby.ts'
import { startHttpServer } from '../../runtime/http-server.ts'
import { createMetrics } from '../../runtime/metrics.ts'
import { freePort } from '../support/free-port.ts'

it('says what the start waits for, is alive for probes, and leaves its address to the server', async () => {
  const metrics = createMetrics({ processMetrics: true })
  const at = { host: '127.0.0.1', port: await freePort(), metrics }
  const lobby = await openHttpLobby(at)
  const get = async (path: string): Promise<[number, string]> => {
    const answer = await fetch(`http://127.0.0.1:${at.port}${path}`)
    return [answer.status, await answer.text()]
  }
  lobby.waitsFor('NATS does not answer')
  expect(await get('/ready')).toEqual([503, 'Ingester not ready: NATS does not answer\n'])
  expect(await get('/loki/api/v1/labels')).toEqual([503, 'Ingester not ready: NATS does not answer\n'])
  expect(await get('/metrics')).toEqual([200, expect.stringContaining('process_cpu') as string])
  await expect(openHttpLobby(at)).rejects.toMatchObject({ code: 'setup', message: expect.stringContaining('SKALD_HTTP_PORT') as string })
  await lobby.close()
  await lobby.close()
  const server = await startHttpServer({ ...at, routes: [], onError: () => ({ status: 500 }) })
  expect(await get('/ready')).toEqual([404, '404 page not found\n'])
  await server.close(0)
})
