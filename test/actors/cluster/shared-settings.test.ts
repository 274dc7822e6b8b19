/** Nodes that are set differently: who must not join does not, and both sides say what differs. */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { agreeWithOthers, sharedSettings } from '../../../actors/cluster/shared-settings.ts'
import { loadSkaldConfig } from '../../../actors/config.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'
import type { Logger } from '../../../runtime/log.ts'
import { SeededRandom } from '../../../runtime/random-seeded.ts'
import { MemoryBroker } from '../../../runtime/transport-memory.ts'

const folder = mkdtempSync(path.join(os.tmpdir(), 'skald-settings-'))
afterAll(() => rmSync(folder, { recursive: true }))

class Cluster {
  readonly clock = new ManualClock()
  readonly random = new SeededRandom(1)
  readonly broker = new MemoryBroker({ clock: this.clock, random: this.random })
  /** Warnings, by node. */
  readonly said: string[] = []

  async join(node: string, environment: Readonly<Record<string, string>>): Promise<void> {
    const log = { warn: (text: string) => void this.said.push(`${node}: ${text}`) } as Logger
    const { config } = loadSkaldConfig({ environment })
    const joined = agreeWithOthers(this.broker.connect(node), sharedSettings(config, node, this.random), log)
    joined.catch(() => undefined)
    await this.clock.run(2_000)
    await joined
  }
}

const S3 = { SKALD_OBJECT_STORE_URL: 's3://logs/prod?endpoint=http://store:9000', SKALD_NATS_REPLICAS: '3' }

describe('a node that joins', () => {
  it('is told nothing when it is set as the others are', async () => {
    const cluster = new Cluster()
    for (const node of ['a', 'b', 'c']) await cluster.join(node, S3)
    expect(cluster.said).toEqual([])
  })

  it.each([
    ['as many copies', { SKALD_NATS_REPLICAS: '1' }, 'nats.replicas is 1 here and 3 on node "a"'],
    ['the same bucket', { SKALD_OBJECT_STORE_URL: 's3://logs/test' }, 'object_store.url is s3://logs/test here and s3://logs/prod on node "a"'],
    ['a bucket at all', { SKALD_OBJECT_STORE_URL: `file:${folder}/x` }, 'here and s3://logs/prod on node "a"'],
  ])('does not without %s', async (_what, environment, message) => {
    const cluster = new Cluster()
    await cluster.join('a', S3)
    await expect(cluster.join('b', { ...S3, ...environment })).rejects.toMatchObject({ code: 'setup', message: expect.stringContaining(message) as string })
    expect(cluster.said.join('\n')).toMatch(/^a: .* on node "b"$/m)
  })

  it('does not with a folder of its own, whatever its path, and may with the same one', async () => {
    const cluster = new Cluster()
    await cluster.join('a', { SKALD_OBJECT_STORE_URL: `file:${folder}/shared` })
    await cluster.join('b', { SKALD_OBJECT_STORE_URL: `file:${folder}/./shared` })
    expect(cluster.said).toEqual([])
    await expect(cluster.join('c', { SKALD_OBJECT_STORE_URL: `file:${folder}/own` })).rejects.toThrow('object_store.url is a folder with store-id')
  })

  it('may with other lease times or another endpoint of the bucket, and both say so', async () => {
    const cluster = new Cluster()
    await cluster.join('a', S3)
    await cluster.join('b', { ...S3, SKALD_CLUSTER_LEASE_TTL: '5s', SKALD_OBJECT_STORE_URL: 's3://logs/prod?endpoint=http://user:secret@elsewhere:9000' })
    expect(cluster.said.toSorted()).toEqual([
      'a: cluster.lease_ttl is 3s here and 5s on node "b"',
      'a: object_store.url, its endpoint, is http://store:9000 here and http://elsewhere:9000 on node "b"',
      'b: cluster.lease_ttl is 5s here and 3s on node "a"',
      'b: object_store.url, its endpoint, is http://elsewhere:9000 here and http://store:9000 on node "a"',
    ])
  })

  it('tells those that started at the same time', async () => {
    const cluster = new Cluster()
    await Promise.all([cluster.join('a', S3), cluster.join('b', { ...S3, SKALD_NATS_REPLICAS: '1' })])
    expect(cluster.said.join('\n')).toMatch(/nats\.replicas is \d here and \d on node/)
  })
})
