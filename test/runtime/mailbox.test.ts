/** The mailbox: order, priority, both limits, and that nothing is lost while it grows and wraps. */
import { describe, expect, it } from 'vitest'
import { Mailbox } from '../../runtime/mailbox.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'

const roomy = { messagesMax: 1000, bytesMax: 1000 }

describe('Mailbox', () => {
  it('gives messages in order, high before normal', () => {
    const box = new Mailbox<string>(roomy)
    for (const m of ['a', 'b']) box.offer(m, 0, false)
    for (const m of ['H', 'I']) box.offer(m, 0, true)
    expect([box.take(), box.take(), box.take(), box.take()]).toEqual(['H', 'I', 'a', 'b'])
    expect(box.count).toBe(0)
  })

  it('refuses the message over the count, and takes again after one is gone', () => {
    const box = new Mailbox<number>({ messagesMax: 2, bytesMax: 1000 })
    expect([box.offer(1, 0, false), box.offer(2, 0, true), box.offer(3, 0, false), box.offer(4, 0, true)]).toEqual([true, true, false, false])
    box.take()
    expect(box.offer(5, 0, false)).toBe(true)
  })

  it('refuses the message over the bytes, also one that is too large for any mailbox', () => {
    const box = new Mailbox<number>({ messagesMax: 1000, bytesMax: 100 })
    expect(box.offer(0, 101, false)).toBe(false)
    expect([box.offer(1, 60, false), box.offer(2, 41, false), box.offer(3, 40, false)]).toEqual([true, false, true])
    expect(box.bytes).toBe(100)
    box.take()
    expect(box.bytes).toBe(40)
  })

  it('takes a forced message whatever the limits say', () => {
    const box = new Mailbox<number>({ messagesMax: 0, bytesMax: 0 })
    box.force(1, 10, true)
    expect([box.count, box.bytes, box.take(), box.bytes]).toEqual([1, 10, 1, 0])
  })

  it('holds undefined, numbers and objects alike', () => {
    const box = new Mailbox<unknown>(roomy)
    const messages = [undefined, 0, 7, null, 'x', {}]
    for (const m of messages) box.offer(m, 1, false)
    expect(messages.map(() => box.take())).toEqual(messages)
  })

  it('equals two plain queues over random operations', () => {
    const random = new SeededRandom(5)
    const box = new Mailbox<number>({ messagesMax: 700, bytesMax: 20_000 })
    const model: Array<Array<[number, number]>> = [[], []]
    const size = (): [number, number] => [model.flat().length, model.flat().reduce((sum, [, bytes]) => sum + bytes, 0)]
    for (let i = 0; i < 20_000; i++) {
      const filling = Math.floor(i / 2000) % 2 === 0
      if (random.next() < (filling ? 0.7 : 0.3)) {
        const [bytes, high] = [random.below(60), random.below(4) === 0]
        const [count, held] = size()
        const fits = count < 700 && held + bytes <= 20_000
        expect(box.offer(i, bytes, high)).toBe(fits)
        if (fits) model[high ? 0 : 1]?.push([i, bytes])
      } else if (box.count > 0) {
        const queue = model[0]?.length === 0 ? model[1] : model[0]
        expect(box.take()).toBe(queue?.shift()?.[0])
      }
    }
    expect([box.count, box.bytes]).toEqual(size())
  })
})
