/** Reads, cuts and commits of thousands of streams, slice by slice, while rows go on coming: each row is in one cut, and in every read that needs it. */
import * as Effect from 'effect/Effect'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { SlabTable } from '../../../actors/partition/slab-table.ts'
import { type StreamContent, tenantStreamsBehavior, type TenantStreamsMessage } from '../../../actors/partition/tenant-streams.ts'
import type { ActorRef } from '../../../runtime/actor.ts'
import { LocalActorSystem } from '../../../runtime/actor-system.ts'
import { SystemClock } from '../../../runtime/clock-system.ts'
import { SystemRandom } from '../../../runtime/random-system.ts'
import { decodePushBatches } from '../../../protocols/push/decode-protobuf.ts'
import { SlabPool } from '../../../storage/slab-pool.ts'
import { pushBody } from '../../support/push-bodies.ts'

/** Several slices, the last one not full. */
const STREAMS = 2_500
const BATCH = decodePushBatches(pushBody([{ labels: '{a="b"}', entries: Array.from({ length: 3 * STREAMS }, (_, i) => ({ ns: BigInt(i), line: Buffer.from('x') })) }]))[0]!

let system: LocalActorSystem
let tenant: ActorRef<TenantStreamsMessage>
let row = 0
let slab: number

beforeEach(() => {
  const table = new SlabTable(new SlabPool(0))
  const open = table.open(BATCH)
  open.append(BATCH)
  slab = open.id
  row = 0
  system = new LocalActorSystem({ node: 'n', clock: new SystemClock(), random: new SystemRandom() })
  tenant = system.root.start({ id: 'tenant', behavior: tenantStreamsBehavior(table, 60_000), restart: 'temporary', mailbox: { messagesMax: 100_000 } })
})
afterEach(() => Effect.runPromise(system.shutdown()))

/** One row more of each stream. */
function append(cut: number): void {
  for (let i = 0; i < STREAMS; i++) tenant.tell({ kind: 'append', cut, labelsText: `{id="${i}"}`, run: { slab, from: row, to: ++row }, receivedMs: cut })
}

interface Found {
  readonly streams: number
  readonly rows: number
  readonly slices: number
}

function gathered(ask: (take: (streams: ReadonlyArray<StreamContent>) => void, done: () => void) => TenantStreamsMessage): Promise<Found> {
  return new Promise((resolve) => {
    const slices: Array<ReadonlyArray<StreamContent>> = []
    tenant.tell(ask((some) => slices.push(some), () => {
      const runs = slices.flat().flatMap(({ chunks }) => chunks.flatMap((chunk) => chunk.runs))
      resolve({ streams: slices.flat().length, rows: runs.reduce((sum, { from, to }) => sum + to - from, 0), slices: slices.length })
    }))
  })
}

const read = (from: number, accept: (id: string) => boolean = () => true): Promise<Found> =>
  gathered((take, done) => ({ kind: 'read', from, accept: ([label]) => accept(label![1]), take, done }))
const cut = (number: number): Promise<Found> => gathered((take, done) => ({ kind: 'cut', cut: number, take, done }))
const commit = (number: number): Promise<void> => new Promise((done) => void tenant.tell({ kind: 'committed', cut: number, done }))

it('reads all streams in slices, or those that are asked for', async () => {
  append(1)
  expect(await read(1)).toEqual({ streams: STREAMS, rows: STREAMS, slices: 4 })
  expect(await read(1, (id) => id === '77' || id === '2400')).toEqual({ streams: 2, rows: 2, slices: 1 })
  expect(await read(1, () => false)).toEqual({ streams: 0, rows: 0, slices: 0 })
})

it('cuts what was appended for the cut, however far the cut has come when more is appended', async () => {
  append(1)
  const first = cut(1)
  append(2)
  const second = cut(2)
  append(3)
  expect(await first).toMatchObject({ streams: STREAMS, rows: STREAMS })
  expect(await second).toMatchObject({ streams: STREAMS, rows: STREAMS })
  expect(await read(1)).toMatchObject({ rows: 3 * STREAMS })
  expect(await read(3)).toMatchObject({ rows: STREAMS })
})

it('lets go of what is committed when those who read it have ended, and shows it to nobody else', async () => {
  append(1)
  await cut(1)
  append(2)
  const ended: string[] = []
  const before = read(1).then((found) => (ended.push('read'), found))
  const committed = commit(1).then(() => ended.push('commit'))
  const after = read(2)
  expect(await before).toMatchObject({ rows: 2 * STREAMS })
  expect(await after).toMatchObject({ rows: STREAMS })
  await committed
  expect(ended).toEqual(['read', 'commit'])
  expect(await read(1)).toMatchObject({ rows: STREAMS })
})

it('hands over one cut after the other', async () => {
  append(1)
  const ended: number[] = []
  const cuts = [1, 2].map((number) => cut(number).then(() => ended.push(number)))
  await Promise.all(cuts)
  expect(ended).toEqual([1, 2])
})
