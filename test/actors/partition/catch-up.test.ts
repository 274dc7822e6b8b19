/** Who waits for the log to be applied is told once, in time or too late (Q2). */
import { expect, it } from 'vitest'
import { CatchUpWaiters } from '../../../actors/partition/catch-up.ts'

it('tells each waiter once: when what it waits for is applied, or when its time is up', () => {
  const told: string[] = []
  const waiters = new CatchUpWaiters()
  const wait = (name: string, through: number, untilMs: number): void => waiters.add(through, untilMs, (behind) => told.push(`${name} ${behind ? 'behind' : 'whole'}`))
  wait('a', 5, 100)
  wait('b', 7, 100)
  wait('c', 9, 300)
  waiters.applied(4)
  waiters.giveUp(99)
  expect(told).toEqual([])
  waiters.applied(5)
  expect(told).toEqual(['a whole'])
  waiters.giveUp(100)
  waiters.applied(20)
  waiters.giveUp(1_000)
  expect(told).toEqual(['a whole', 'b behind', 'c whole'])
})

it('may be given a new waiter by one that is told', () => {
  const waiters = new CatchUpWaiters()
  let again = 0
  waiters.add(1, 100, () => waiters.add(2, 100, () => again++))
  waiters.applied(1)
  expect(again).toBe(0)
  waiters.applied(2)
  expect(again).toBe(1)
})
