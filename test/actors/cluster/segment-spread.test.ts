/** Q3, Q4 across nodes: scans go where threads are free, and come back when nobody takes them. */
import { describe, expect, it } from 'vitest'
import { SegmentSpread } from '../../../actors/cluster/segment-spread.ts'
import type { ScanAnswer, SegmentWork } from '../../../actors/segments/segment-work.ts'
import type { ScanPlan } from '../../../protocols/logql/scan.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import { LongRequests } from '../../../runtime/long-request.ts'
import { SeededRandom } from '../../../runtime/random-seeded.ts'
import { MemoryBroker } from '../../../runtime/transport-memory.ts'

const PLAN = {} as ScanPlan
const LARGE_BYTES = 1 << 30
const THREADS = 1
/** Scans of the node itself before it asks others. */
const OWN_MAX = 2

/** A scan under way, ended by hand; its answer names the node that made it. */
interface Scan {
  readonly node: string
  readonly signal: AbortSignal
  end(warnings?: string[]): void
}

class Cluster {
  readonly clock = new ManualClock()
  readonly scans: Scan[] = []
  readonly #random = new SeededRandom(1)
  readonly #broker = new MemoryBroker({ clock: this.clock, random: this.#random })

  node(name: string, { serves = true, hasHelpers = true } = {}): SegmentSpread {
    const transport = this.#broker.connect(name)
    const ports = { transport, clock: this.clock, random: this.#random }
    const work = { threads: THREADS, scanSegments: (...[, , , , signal]: Parameters<SegmentWork['scanSegments']>) => this.#scan(name, signal!) } as unknown as SegmentWork
    const spread = new SegmentSpread({ services: { ...ports, work }, requests: new LongRequests(ports), hasHelpers: () => hasHelpers })
    if (serves) spread.serve()
    return spread
  }

  /** So many of its own that the next is offered to others. */
  async busy(node: SegmentSpread): Promise<void> {
    for (let i = 0; i < OWN_MAX; i++) void scan(node)
    await this.clock.run(10)
  }

  /** Node `a` with as many scans of its own as it takes, and `b`, which has none and serves. */
  async busyAndFree(): Promise<{ a: SegmentSpread; b: SegmentSpread }> {
    const [a, b] = [this.node('a', { serves: false }), this.node('b')]
    await this.busy(a)
    return { a, b }
  }

  of(node: string): Scan[] {
    return this.scans.filter((scan) => scan.node === node)
  }

  #scan(node: string, signal: AbortSignal): Promise<ScanAnswer> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error))
      this.scans.push({ node, signal, end: (warnings = []) => resolve({ made: node, warnings } as unknown as ScanAnswer) })
    })
  }
}

const scan = (node: SegmentSpread, signal = new AbortController().signal, bytes = LARGE_BYTES): Promise<string> =>
  node.work.scanSegments('tenant', PLAN, [], 0, signal, bytes).then((answer) => (answer as unknown as { made: string }).made)

describe('scans of segments', () => {
  it('stay here while threads are free, when they are small, and when there is nobody else', async () => {
    const cluster = new Cluster()
    const [a, alone] = [cluster.node('a'), cluster.node('alone', { hasHelpers: false, serves: false })]
    cluster.node('b')
    await cluster.busy(a)
    void scan(a, undefined, 1_000)
    await cluster.busy(alone)
    void scan(alone)
    await cluster.clock.run(10)
    expect([cluster.of('a').length, cluster.of('alone').length, cluster.of('b').length]).toEqual([OWN_MAX + 1, OWN_MAX + 1, 0])
  })

  it('are made by another node when there are more than threads', async () => {
    const cluster = new Cluster()
    const { a } = await cluster.busyAndFree()
    const answer = scan(a)
    await cluster.clock.run(10)
    cluster.of('b')[0]!.end()
    await cluster.clock.run(10)
    expect(await answer).toBe('b')
    expect(cluster.of('a')).toHaveLength(OWN_MAX)
  })

  it('are made here when the other is busy too', async () => {
    const cluster = new Cluster()
    const { a, b } = await cluster.busyAndFree()
    void scan(b)
    const answer = scan(a)
    await cluster.clock.run(10)
    expect(cluster.of('b')).toHaveLength(1)
    cluster.of('a')[OWN_MAX]!.end()
    await cluster.clock.run(10)
    expect(await answer).toBe('a')
  })

  it('are made here as well when the other is slow, and the slower one is cancelled', async () => {
    const cluster = new Cluster()
    const { a } = await cluster.busyAndFree()
    const answer = scan(a)
    await cluster.clock.run(1_900)
    expect(cluster.of('a')).toHaveLength(OWN_MAX)
    await cluster.clock.run(200)
    cluster.of('a')[OWN_MAX]!.end()
    await cluster.clock.run(10)
    expect(await answer).toBe('a')
    expect(cluster.of('b')[0]!.signal.aborted).toBe(true)
  })

  it('are made here when the other could not read everything', async () => {
    const cluster = new Cluster()
    const { a } = await cluster.busyAndFree()
    const answer = scan(a)
    await cluster.clock.run(10)
    cluster.of('b')[0]!.end(['an object is missing'])
    await cluster.clock.run(10)
    cluster.of('a')[OWN_MAX]!.end()
    await cluster.clock.run(10)
    expect(await answer).toBe('a')
  })

  it('end wherever they are when the query is cancelled', async () => {
    const cluster = new Cluster()
    const { a } = await cluster.busyAndFree()
    const abort = new AbortController()
    const answer = scan(a, abort.signal).catch((error: unknown) => error)
    await cluster.clock.run(10)
    abort.abort(new SkaldError('query_cancelled', 'the client left'))
    await cluster.clock.run(10)
    expect(await answer).toMatchObject({ code: 'query_cancelled', message: 'the client left' })
    expect(cluster.of('b')[0]!.signal.aborted).toBe(true)
    await cluster.clock.run(5_000)
    expect(cluster.of('a')).toHaveLength(OWN_MAX)
  })
})
