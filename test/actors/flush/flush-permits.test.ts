import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import { describe, expect, it } from 'vitest'
import type { CutReason } from '../../../actors/partition/cut-policy.ts'
import { FlushPermits } from '../../../actors/flush/flush-permits.ts'

describe('flush permits', () => {
  const begun: string[] = []
  const permits = new FlushPermits(1)
  const end = new Map<string, () => void>()
  const flush = (name: string, reason: CutReason): Fiber.Fiber<void> =>
    Effect.runFork(permits.run(() => [reason], Effect.callback<void>((resume) => (begun.push(name), void end.set(name, () => resume(Effect.void))))))
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  it('go to the most urgent, of equals to the first, and come back from what is interrupted', async () => {
    const first = flush('first', 'full')
    const given = flush('given up', 'memory')
    flush('old', 'max_age')
    flush('full 1', 'full')
    flush('full 2', 'full')
    flush('memory', 'memory')
    await settled()
    expect(begun).toEqual(['first'])
    await Effect.runPromise(Fiber.interrupt(given))
    await Effect.runPromise(Fiber.interrupt(first))
    for (const name of ['memory', 'full 1', 'full 2', 'old']) {
      await settled()
      expect(begun.at(-1)).toBe(name)
      end.get(name)!()
    }
    await settled()
    flush('last', 'idle')
    await settled()
    expect(begun.at(-1)).toBe('last')
  })
})
