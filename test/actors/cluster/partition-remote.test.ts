/** What owners on other nodes are told of a log that grows. */
import { expect, it } from 'vitest'
import type { OwnerMap } from '../../../actors/cluster/owner-map.ts'
import { makeHeardElsewhere } from '../../../actors/cluster/partition-remote.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'
import { SeededRandom } from '../../../runtime/random-seeded.ts'
import { MemoryBroker } from '../../../runtime/transport-memory.ts'

async function told(publish: (heard: (partition: number, sequence: number) => void, clock: ManualClock) => Promise<void>): Promise<string[]> {
  const clock = new ManualClock()
  const broker = new MemoryBroker({ clock, random: new SeededRandom(1) })
  const seen: string[] = []
  broker.connect('b').subscribe('skald.v1.partition.*.b.heard', ({ subject, data }) => void seen.push(`${subject.split('.')[3]} ${data.toString()}`))
  const owners = { ownerOf: (partition: number) => (partition === 9 ? undefined : { node: partition === 0 ? 'a' : 'b', epoch: 1 }) } as OwnerMap
  await publish(makeHeardElsewhere({ transport: broker.connect('a'), clock, node: 'a' }, owners), clock)
  await clock.run(1_000)
  return seen
}

it('is the newest sequence, a few times a second however much is published', async () => {
  const seen = await told(async (heard, clock) => {
    for (let sequence = 1; sequence <= 100; sequence++) {
      heard(3, sequence)
      heard(4, 2 * sequence)
      await clock.run(10)
    }
  })
  const of = (partition: string): string[] => seen.filter((text) => text.startsWith(`${partition} `))
  expect([of('3').at(-1), of('4').at(-1)]).toEqual(['3 100', '4 200'])
  expect(of('3').length).toBeLessThanOrEqual(5)
})

it('is told whatever order acknowledgements come in, and not to this node or nobody', async () => {
  const seen = await told(async (heard) => {
    for (const sequence of [5, 7, 6]) heard(3, sequence)
    heard(0, 8)
    heard(9, 8)
  })
  expect(seen).toEqual(['3 7'])
})
