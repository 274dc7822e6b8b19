/** What an heir does, on simulated nodes, before and after it can answer for a partition, and what whoever hands over does meanwhile (R2). */
import { beforeEach, describe, expect, it } from 'vitest'
import { ClusterNodes } from './cluster.ts'
import type { SimulatedNode } from './node.ts'
import { World } from './world.ts'

const LEASE_TTL_MS = 2_000
const PARTITIONS = 2

describe('an heir', () => {
  let world: World
  let cluster: ClusterNodes
  let dies: SimulatedNode
  let heir: SimulatedNode

  beforeEach(async () => {
    world = new World({ seed: 5, partitions: PARTITIONS, lossRatio: 0 })
    cluster = new ClusterNodes(world, { nodes: 2, leaseTtlMs: LEASE_TTL_MS, heartbeatMs: 500, standbys: 1, settings: {} })
    await world.until(cluster.startAll(), 60_000, 'the start of all nodes')
    for (let i = 0; i < 100 && !cluster.hasConverged(); i++) await world.clock.run(100)
    ;[dies, heir] = cluster.nodes() as [SimulatedNode, SimulatedNode]
  })

  const ownersAsSeenBy = ({ cluster: of }: SimulatedNode): Array<string | undefined> => Array.from({ length: PARTITIONS }, (_, p) => of!.owners.ownerOf(p)?.node)

  it('is announced while it still starts, when whom readers would ask is dead: they had better wait where they will be answered', async () => {
    expect(new Set(ownersAsSeenBy(heir)).size).toBe(2)
    heir.links.wal.isCut = true
    cluster.kill(dies)
    await world.clock.run(3 * LEASE_TTL_MS)
    expect(ownersAsSeenBy(heir)).toEqual([heir.name, heir.name])
    heir.kill()
  })

  it('goes on with what it was about to take over when it crashes over it', async () => {
    const { directory } = heir
    const place = directory!.placeStandbys.bind(directory)
    let crashes = 0
    directory!.placeStandbys = (partition, nodes) => {
      if (crashes++ === 0) throw new Error('boom')
      place(partition, nodes)
    }
    cluster.kill(dies)
    await world.clock.run(5 * LEASE_TTL_MS)
    expect(crashes).toBeGreaterThan(1)
    for (let partition = 0; partition < PARTITIONS; partition++) expect(directory!.localOwner(partition)).toBeDefined()
    expect(ownersAsSeenBy(heir)).toEqual([heir.name, heir.name])
    heir.kill()
  })

  it('is waited for by a node that drains, which answers meanwhile', async () => {
    const [leaves, kept] = [dies, ownersAsSeenBy(dies).indexOf(dies.name)]
    for (const { directory } of [leaves, heir]) directory!.removeStandby(kept)
    heir.links.wal.isCut = true
    cluster.drain(leaves)
    await world.clock.run(5_000)
    expect(leaves.directory!.localOwner(kept)).toBeDefined()
    expect(leaves.process.state).toBe('running')
    heir.links.wal.isCut = false
    await world.clock.run(4_000)
    expect([leaves.process.state, ownersAsSeenBy(heir)]).toEqual(['dead', [heir.name, heir.name]])
    heir.kill()
  })

  it('lets its standby go when it has read the log itself', async () => {
    const inherited = ownersAsSeenBy(heir).indexOf(dies.name)
    const { directory } = heir
    expect(directory!.localOwner(inherited)).toBeUndefined()
    expect(directory!.localReader(inherited)).toBeDefined()
    cluster.kill(dies)
    await world.clock.run(3 * LEASE_TTL_MS)
    expect(directory!.localOwner(inherited)).toBeDefined()
    expect(directory!.localReader(inherited)).toBe(directory!.localOwner(inherited))
    heir.kill()
  })
})
