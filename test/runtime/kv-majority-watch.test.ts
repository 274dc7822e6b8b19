/** What the watch of a majority bucket tells of what its three copies say, each at its own time. */
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { encodeAcceptor } from '../../runtime/kv-acceptor.ts'
import { MergedWatch } from '../../runtime/kv-majority-watch.ts'
import type { KvBucket, KvEvent } from '../../runtime/kv.ts'

/** Three copies that say what the test has them say. */
class Copies {
  readonly told: string[] = []
  readonly watch: MergedWatch
  readonly #watchers: Array<{ readonly on: (event: KvEvent) => void; readonly ready: () => void }> = []

  constructor() {
    const bucket = { watch: (_prefix: string, on: (event: KvEvent) => void, ready: () => void) => (this.#watchers.push({ on, ready }), { stop: () => undefined }) } as unknown as KvBucket
    const on = (event: KvEvent): void => void this.told.push(event.kind === 'put' ? `${event.entry.value.toString()} ${event.entry.revision}` : 'gone')
    this.watch = new MergedWatch({ buckets: [bucket, bucket, bucket], clock: new ManualClock(), maxAgeMs: 0 }, '', on, () => this.told.push('ready'))
  }

  has(copy: number, ballot: number): void {
    this.#watchers[copy]!.on({ kind: 'put', entry: { key: 'k', value: encodeAcceptor({ promised: ballot + 1, accepted: { ballot, value: Buffer.from('v') } }), revision: 1, createdMs: 0 } })
  }

  lost(copy: number): void {
    this.#watchers[copy]!.on({ kind: 'delete', key: 'k', revision: 1 })
  }

  ready(copy: number): void {
    this.#watchers[copy]!.ready()
  }
}

describe('the watch of a majority bucket', () => {
  it('is ready when most of the copies are: one of them has whatever was written', () => {
    const copies = new Copies()
    copies.has(0, 1)
    copies.ready(0)
    expect(copies.told).toEqual(['v 1'])
    copies.ready(2)
    copies.ready(1)
    expect(copies.told).toEqual(['v 1', 'ready'])
  })

  it('tells of a write that one copy has, once, and of none that is older', () => {
    const copies = new Copies()
    for (const [copy, ballot] of [[0, 5], [1, 5], [2, 3], [2, 5], [1, 6], [0, 6]] as const) copies.has(copy, ballot)
    expect(copies.told).toEqual(['v 5', 'v 6'])
  })

  it('does not go back when a copy is heard of anew from a replica that lags', () => {
    const copies = new Copies()
    copies.has(0, 5)
    copies.has(0, 3)
    copies.has(1, 4)
    expect(copies.told).toEqual(['v 5'])
  })

  it('says that a key is gone when all copies have lost it, and has what one still has until then', () => {
    const copies = new Copies()
    for (const copy of [0, 1, 2]) copies.has(copy, 5)
    copies.lost(0)
    copies.lost(2)
    expect(copies.told).toEqual(['v 5'])
    copies.lost(1)
    copies.has(1, 7)
    expect(copies.told).toEqual(['v 5', 'gone', 'v 7'])
  })
})
