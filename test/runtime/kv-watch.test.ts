/** The watch's own rules; what it does over real buckets is in `test/conformance/kv.ts`. */
import { beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { ResumingWatch, type WatchSink } from '../../runtime/kv-watch.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'

describe('ResumingWatch', () => {
  let clock: ManualClock
  let openings: Array<{ readonly sink: WatchSink; readonly succeed: () => void; readonly fail: () => void; isClosed: boolean }>
  let seen: string[]
  let watch: ResumingWatch

  const settle = (): Promise<void> => clock.run(0)
  beforeEach(async () => {
    clock = new ManualClock()
    openings = []
    seen = []
    const open = (sink: WatchSink): Promise<{ close(): void }> =>
      new Promise((resolve, reject) => {
        const opening = {
          sink,
          succeed: () => resolve({ close: () => (opening.isClosed = true) }),
          fail: () => reject(new Error('no answer')),
          isClosed: false,
        }
        openings.push(opening)
      })
    watch = new ResumingWatch({ clock, random: new SeededRandom(1) }, open, (event) => seen.push(event.kind === 'put' ? event.entry.key : `-${event.key}`))
    await settle()
  })
  const put = (opening: number, key: string): void => openings[opening]!.sink.put({ key, value: Buffer.alloc(0), revision: 1, createdMs: 0 })

  it('opens again after a pause when it failed', async () => {
    openings[0]!.fail()
    await settle()
    expect(openings).toHaveLength(1)
    await clock.run(1_000)
    expect(openings).toHaveLength(2)
  })

  it('opens anew at once when told to, whether it waits for an answer or for its turn', async () => {
    watch.retryNow()
    await settle()
    expect(openings).toHaveLength(2)
    openings[1]!.fail()
    await settle()
    watch.retryNow()
    await settle()
    expect(openings).toHaveLength(3)
    await clock.run(10_000)
    expect(openings).toHaveLength(3)
  })

  it('hears nothing of an opening that was given up, and closes it should it succeed after all', async () => {
    watch.retryNow()
    await settle()
    openings[1]!.succeed()
    openings[0]!.succeed()
    await settle()
    put(0, 'of the first')
    put(1, 'of the second')
    expect(seen).toEqual(['of the second'])
    expect(openings.map(({ isClosed }) => isClosed)).toEqual([true, false])
  })

  it('stays with what is open', async () => {
    openings[0]!.succeed()
    await settle()
    watch.retryNow()
    await settle()
    expect(openings).toHaveLength(1)
    watch.stop()
    watch.retryNow()
    await settle()
    expect(openings).toHaveLength(1)
  })
})
