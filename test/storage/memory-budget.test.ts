import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../runtime/random-seeded.ts'
import { MEMORY_LEVELS, MEMORY_PARTS, MemoryBudget, type MemoryLevel } from '../../storage/memory-budget.ts'

const MB = 1_000_000

describe('memory budget (W4)', () => {
  it('goes from ok over flush and stop to refuse as memory fills, whoever holds it', () => {
    const budget = new MemoryBudget(100 * MB)
    const levels = [20, 40, 15, 10, 10, 5].map((mb, i) => {
      budget.add(MEMORY_PARTS[i % MEMORY_PARTS.length]!, mb * MB)
      return budget.level()
    })
    expect(levels).toEqual(['ok', 'flush', 'flush', 'stop', 'refuse', 'refuse'])
    expect(budget.usedBytes()).toBe(100 * MB)
    expect(MEMORY_LEVELS.filter((level) => budget.isAtLeast(level))).toEqual(['ok', 'flush', 'stop', 'refuse'])
    budget.add('heads', -20 * MB)
    expect(MEMORY_LEVELS.filter((level) => budget.isAtLeast(level))).toEqual(['ok', 'flush', 'stop'])
  })

  it('leaves a level only some way below where it began', () => {
    const budget = new MemoryBudget(100 * MB)
    budget.add('heads', 80 * MB)
    budget.add('heads', -1 * MB)
    expect(budget.level()).toBe('stop')
    budget.add('heads', -8 * MB)
    expect(budget.level()).toBe('flush')
    budget.add('heads', -18 * MB)
    expect(budget.level()).toBe('ok')
  })

  it('tells listeners each change once', () => {
    const budget = new MemoryBudget(100)
    const heard: MemoryLevel[] = []
    const stop = budget.onLevel((level) => heard.push(level))
    for (const delta of [10, 55, 5, -70, 96]) budget.add('heads', delta)
    stop()
    budget.add('heads', -96)
    expect(heard).toEqual(['flush', 'ok', 'refuse'])
  })

  it('refuses what would not fit, and takes nothing then', () => {
    const budget = new MemoryBudget(100)
    const held = budget.tryHold('queries', 94)
    expect(held?.bytes).toBe(94)
    expect(budget.tryHold('mailboxes', 1)).toBe(null)
    expect(budget.usedBytes()).toBe(94)
    held?.close()
    expect(budget.tryHold('mailboxes', 1)?.bytes).toBe(1)
  })

  it('writes off a crashed holder with its account', () => {
    const budget = new MemoryBudget(1000)
    const [crashed, alive] = [budget.account('heads'), budget.account('heads')]
    crashed.add(300)
    crashed.set(250)
    alive.add(100)
    crashed.close()
    crashed.close()
    expect([budget.usedBytes('heads'), crashed.bytes, alive.bytes]).toEqual([100, 0, 100])
  })

  it('does not let anyone give back more than is held', () => {
    const budget = new MemoryBudget(1000)
    const account = budget.account('encoders')
    budget.add('encoders', 10)
    expect(() => account.add(-1)).toThrow('account of encoders')
    expect(() => budget.add('encoders', -11)).toThrow('encoders would hold -1 bytes')
    expect(() => budget.add('encoders', Number.NaN)).toThrow()
    expect(budget.usedBytes()).toBe(10)
  })

  it('keeps sum and level right over random traffic', () => {
    const random = new SeededRandom(7)
    const budget = new MemoryBudget(10_000)
    const held = new Map(MEMORY_PARTS.map((part) => [part, 0]))
    for (let i = 0; i < 5000; i++) {
      const part = MEMORY_PARTS[random.below(MEMORY_PARTS.length)]!
      const delta = Math.max(-held.get(part)!, random.below(800) - 400)
      budget.add(part, delta)
      held.set(part, held.get(part)! + delta)
      const total = [...held.values()].reduce((a, b) => a + b, 0)
      expect(budget.usedBytes()).toBe(total)
      const plain = MEMORY_LEVELS.findLast((_, k) => total >= [0, 6000, 8000, 9500][k]!)!
      expect(MEMORY_LEVELS.indexOf(budget.level())).toBeGreaterThanOrEqual(MEMORY_LEVELS.indexOf(plain))
    }
  })
})
