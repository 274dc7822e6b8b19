/** Which lane of the detour takes a record, on lanes that acknowledge or do not (W1); `wal-jetstream-detour.test.ts` has real servers. */
import { expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { type DetourParts, WalDetour } from '../../storage/wal-jetstream-detour.ts'

const PARTITION = 7
const RECORD = { recordId: 'r1', record: Buffer.from('record') }

/** `acknowledging`: the lanes that do. */
function detour(acknowledging: ReadonlyArray<number>) {
  const tried: number[] = []
  const publish = async (subject: string, _record: Uint8Array, { msgID }: { msgID: string }): Promise<void> => {
    const lane = Number(subject.split('.').at(-2))
    tried.push(lane)
    expect([subject, msgID]).toEqual([`skald.v1.detour.${lane}.${PARTITION}`, `${PARTITION}/r1`])
    if (!acknowledging.includes(lane)) throw new Error('no leader')
  }
  const parts = { js: { publish }, link: { orLost: (request: Promise<unknown>) => request }, clock: new ManualClock(), random: new SeededRandom(1), replicas: 3, duplicateWindowMs: 1_000 }
  return { detour: new WalDetour(parts as unknown as DetourParts), tried }
}

it('says that a record is in a lane only when one has acknowledged it', async () => {
  const { detour: leaderless, tried } = detour([])
  expect(await leaderless.append(PARTITION, RECORD)).toBe(false)
  expect(tried.toSorted()).toEqual([0, 1, 2])
})

it.each([0, 1, 2])('finds the one lane that acknowledges, lane %i, and goes there first the next time', async (lane) => {
  const { detour: wal, tried } = detour([lane])
  expect(await wal.append(PARTITION, RECORD)).toBe(true)
  tried.length = 0
  expect(await wal.append(PARTITION, RECORD)).toBe(true)
  expect(tried).toEqual([lane])
})
