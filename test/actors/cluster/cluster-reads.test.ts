/** R2, Q3: who is asked for a partition, in which order, and when the next one is. */
import { describe, expect, it } from 'vitest'
import { makeClusterReads, type ClusterReadsParts } from '../../../actors/cluster/cluster-reads.ts'
import type { PartitionReads } from '../../../actors/cluster/partition-reads.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'
import { SkaldError } from '../../../runtime/errors.ts'

interface Question {
  readonly node: string
  readonly signal: AbortSignal
  answer(): void
  fail(error: Error): void
}

/** Node `self`, which asks about partition 0 of `owner` with these standbys; questions are answered by hand. */
function world({ owner, standbys = [] }: { owner: string | undefined; standbys?: string[] }) {
  const clock = new ManualClock()
  const asked: Question[] = []
  const listeners = new Set<(partition: number) => void>()
  let announced = owner
  const readsOf = (node: string): PartitionReads => {
    const put = (signal: AbortSignal): Promise<never> => new Promise((resolve, reject) => asked.push({ node, signal, answer: () => resolve(node as never), fail: reject }))
    return { scan: (_partition, _tenant, _plan, _nowMs, signal) => put(signal), series: (_partition, _tenant, _matchers, signal) => put(signal) }
  }
  const parts = {
    services: { clock, node: 'self', settings: { catchUpMsMax: 10_000 } },
    owners: { ownerOf: () => (announced === undefined ? undefined : { node: announced, epoch: 1 }), onChange: (listener: (partition: number) => void) => (listeners.add(listener), () => listeners.delete(listener)) },
    directory: { localReader: () => undefined, standbysOf: () => standbys },
    local: readsOf('self'),
    remote: readsOf,
  } as unknown as ClusterReadsParts
  const abort = new AbortController()
  const answer = makeClusterReads(parts).series(0, 'tenant', { matcherSets: [], within: null, partsMax: null }, abort.signal).then(String, (error: unknown) => error)
  const announce = (node: string): void => {
    announced = node
    for (const listener of listeners) listener(0)
  }
  return { clock, asked, abort, answer, announce, nodes: () => asked.map(({ node }) => node) }
}

const gone = (): Error => new SkaldError('not_ready', 'it is gone')

describe('reads of a partition', () => {
  it('ask the owner alone while it answers', async () => {
    const w = world({ owner: 'a', standbys: ['b'] })
    await w.clock.run(900)
    w.asked[0]!.answer()
    expect(await w.answer).toBe('a')
    expect(w.nodes()).toEqual(['a'])
  })

  it.each(['not_found', 'not_ready', 'query_timeout', 'stopping', 'internal'] as const)('ask a standby at once when the owner has failed: %s', async (code) => {
    const w = world({ owner: 'a', standbys: ['b'] })
    w.asked[0]!.fail(new SkaldError(code, 'it is gone'))
    await w.clock.run(1)
    expect(w.nodes()).toEqual(['a', 'b'])
    w.asked[1]!.answer()
    expect(await w.answer).toBe('b')
  })

  it('ask a standby as well when the owner is silent, take the first answer and cancel the other', async () => {
    const w = world({ owner: 'a', standbys: ['b', 'c'] })
    await w.clock.run(1_100)
    expect(w.nodes()).toEqual(['a', 'b'])
    w.asked[1]!.answer()
    expect(await w.answer).toBe('b')
    expect(w.asked[0]!.signal.aborted).toBe(true)
    await w.clock.run(5_000)
    expect(w.nodes()).toEqual(['a', 'b'])
  })

  it('ask again as soon as another owner is announced, when nobody could answer', async () => {
    const w = world({ owner: 'a', standbys: ['b'] })
    for (const i of [0, 1]) {
      w.asked[i]!.fail(gone())
      await w.clock.run(1)
    }
    w.announce('c')
    await w.clock.run(1)
    expect(w.nodes()).toEqual(['a', 'b', 'c'])
    w.asked[2]!.answer()
    expect(await w.answer).toBe('c')
  })

  it('do not ask another about what is wrong with the question', async () => {
    const w = world({ owner: 'a', standbys: ['b'] })
    w.asked[0]!.fail(new SkaldError('query_limit', 'too much'))
    expect(await w.answer).toMatchObject({ code: 'query_limit' })
    expect(w.nodes()).toEqual(['a'])
  })

  it('give up when nobody has served the partition for as long as a failover takes', async () => {
    const w = world({ owner: undefined })
    await w.clock.run(16_000)
    expect(await w.answer).toMatchObject({ code: 'not_ready', message: 'no node serves partition 0' })
  })

  it('end with the query', async () => {
    const w = world({ owner: 'a', standbys: ['b'] })
    w.abort.abort(new SkaldError('query_cancelled', 'the client left'))
    expect(w.asked[0]!.signal.aborted).toBe(true)
    w.asked[0]!.fail(w.abort.signal.reason as Error)
    expect(await w.answer).toMatchObject({ code: 'query_cancelled' })
    expect(w.nodes()).toEqual(['a'])
  })
})
