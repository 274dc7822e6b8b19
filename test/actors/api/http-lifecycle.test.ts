/** Taking a node out over HTTP, where the flush before it fails. */
import { expect, it } from 'vitest'
import { makeLifecycle } from '../../../actors/api/http-lifecycle.ts'
import type { Cluster } from '../../../actors/cluster/cluster.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import type { HttpRequest } from '../../../runtime/http-server.ts'

it('lets a shutdown be asked for again when its flush failed: the node has not begun to stop', async () => {
  const done: string[] = []
  let isBucketThere = false
  const { routes } = makeLifecycle({
    cluster: { drain: async () => void done.push('drained') } as unknown as Cluster,
    flush: async () => {
      if (!isBucketThere) throw new SkaldError('storage_unavailable', 'the bucket does not answer')
    },
    terminate: () => void done.push('terminated'),
  })
  const shutdown = async (query: string): Promise<number> => (await routes.find(({ path }) => path === '/ingester/shutdown')!.handle({ query: new URLSearchParams(query) } as HttpRequest)).status
  await expect(shutdown('')).rejects.toThrow('the bucket does not answer')
  expect(done).toEqual([])
  isBucketThere = true
  expect(await shutdown('')).toBe(204)
  expect(done).toEqual(['drained', 'terminated'])
  expect(await shutdown('')).toBe(503)
})
