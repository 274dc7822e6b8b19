import { describe, expect, it } from 'vitest'
import { FairQueue } from '../../../actors/query/fair-queue.ts'
import { makeQueryLanes } from '../../../actors/query/query-lanes.ts'
import type { Querier } from '../../../actors/query/querier.ts'
import type { Services } from '../../../actors/services.ts'
import { parseLogQuery } from '../../../protocols/logql/parser.ts'
import type { LogScanPlan } from '../../../protocols/logql/scan.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'

const settle = async (): Promise<void> => {
  for (let i = 0; i < 30; i++) await Promise.resolve()
}

const signal = new AbortController().signal
const { matchers, stages } = parseLogQuery('{a="b"}')
const plan: LogScanPlan = { kind: 'log', matchers, stages, startNs: '0', endNs: '101', limit: 1, direction: 'backward', intervalNs: '0' }

/** Lanes over an index in which the streams asked for hold `bytes`. */
function lanesOver(bytes: () => number, segmentCount = 0) {
  const clock = new ManualClock()
  let looked = 0
  const segments = Array.from({ length: segmentCount }, () => ({ tenants: null, minNs: '0', maxNs: '50', rawBytes: 1 }))
  const services = { catalog: { current: () => ({ segments }) }, partitionCount: () => 1 } as unknown as Services
  const querier = {
    series: () => {
      looked++
      return Promise.resolve({ warnings: [], parts: [{ bytes: new Uint8Array(), count: 1, lineBytes: bytes() }] })
    },
  } as unknown as Querier
  const lanes = makeQueryLanes({ services, querier, queue: new FairQueue(clock, 2, 100), express: new FairQueue(clock, 2, 100) })
  return { lanes, looked: () => looked }
}

describe('lanes of queries', () => {
  it('let a small query pass while large ones fill the node', async () => {
    let bytes = 1e12
    const { lanes } = lanesOver(() => bytes)
    const begun: string[] = []
    const large = Promise.withResolvers<string>()
    const ask = (name: string, done: Promise<string>): Promise<string> =>
      lanes.run({ tenant: 't', scans: [plan], signal }, ({ readBytesMax }) => (begun.push(`${name} ${readBytesMax}`), done))
    const all = ['l1', 'l2', 'l3'].map((name) => ask(name, large.promise))
    await settle()
    expect(begun).toEqual(['l1 null', 'l2 null'])
    bytes = 1_000
    expect(await ask('s', Promise.resolve('small'))).toBe('small')
    expect(begun.at(-1)).toBe('s 1000')
    large.resolve('large')
    expect(await Promise.all(all)).toEqual(['large', 'large', 'large'])
  })

  it('look into nothing while the node is idle, and into few footers ever', async () => {
    const idle = lanesOver(() => 1)
    await idle.lanes.run({ tenant: 't', scans: [plan], signal }, () => Promise.resolve(1))
    expect(idle.looked()).toBe(0)
    const crowded = lanesOver(() => 1, 1_000)
    const open = Promise.withResolvers<void>()
    const all = [1, 2, 3].map(() => crowded.lanes.run({ tenant: 't', scans: [plan], signal }, () => open.promise))
    await settle()
    open.resolve()
    await Promise.all(all)
    expect(crowded.looked()).toBe(0)
  })

  it('pass on what goes wrong in either', async () => {
    const { lanes } = lanesOver(() => 1)
    const fail = (): Promise<never> => lanes.run({ tenant: 't', scans: [plan], signal }, () => Promise.reject(new Error('broken')))
    await expect(fail()).rejects.toThrow('broken')
    const open = Promise.withResolvers<void>()
    const all = [1, 2].map(() => lanes.run({ tenant: 't', scans: [plan], signal }, () => open.promise))
    await settle()
    await expect(fail()).rejects.toThrow('broken')
    open.resolve()
    await Promise.all(all)
  })
})
