/** `/ready` on the way up: a node that nobody can have given anything to do yet is not ready. */
import { expect, it } from 'vitest'
import { openCluster } from '../../../actors/cluster/cluster.ts'
import type { Services } from '../../../actors/services.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'
import { MemoryKv, MemoryKvServer } from '../../../runtime/kv-memory.ts'
import type { Kv } from '../../../runtime/kv.ts'
import { SeededRandom } from '../../../runtime/random-seeded.ts'

const OPTIONS = { roles: ['all'], zone: '', replicas: 1, leaseTtlMs: 3_000, heartbeatMs: 500, standbys: 0 }

it('is not ready before it is a member and has its partitions', async () => {
  const clock = new ManualClock()
  const random = new SeededRandom(3)
  const kv = new MemoryKv(new MemoryKvServer(clock, random))
  let letIn!: () => void
  const gate = new Promise<void>((resolve) => (letIn = resolve))
  const slow: Kv = {
    bucket: async (options) => {
      const bucket = await kv.bucket(options)
      const put = bucket.put.bind(bucket)
      return Object.assign(bucket, { put: (key: string, value: Uint8Array) => gate.then(() => put(key, value)) })
    },
    close: () => kv.close(),
  }
  const services = { clock, random, node: 'a', settings: { partitions: 4 }, catalog: { partitions: () => [] } } as unknown as Services
  const cluster = await openCluster(services, slow, OPTIONS)
  await clock.run(1_000)
  expect(await cluster.waitsFor()).toBe('this node is not among the members of the cluster yet')
  letIn()
  await clock.run(1_000)
  expect(await cluster.waitsFor()).toBe('no partition has been placed yet')
  await cluster.leave()
})
