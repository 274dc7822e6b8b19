/** R1, F1, F3, W1, Q1, Q2 over simulated histories. `npm run simulate -- --seed N --trace` shows one of them line by line. */
import { describe, expect, it } from 'vitest'
import { FAULT_KINDS } from './faults.ts'
import { simulate } from './simulation.ts'

const SEEDS = 20
const FAULTS_MS = 8_000

describe('a simulated cluster', () => {
  it('keeps every rule in any history, and comes back to even loads', { timeout: 120_000 }, async () => {
    const struck = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0]))
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violations, faults, load, commits } = await simulate({ seed, faultsMs: FAULTS_MS })
      expect({ seed, violations }).toEqual({ seed, violations: [] })
      expect(load.lines).toBeGreaterThan(0)
      expect(commits).toBeGreaterThan(0)
      for (const kind of FAULT_KINDS) struck[kind]! += faults[kind]
    }
    // Otherwise the histories prove less than they seem to.
    expect(FAULT_KINDS.filter((kind) => struck[kind] === 0)).toEqual([])
  })

  it('lives the same history again under the same seed', { timeout: 60_000 }, async () => {
    const [first, again] = [await simulate({ seed: 7, faultsMs: FAULTS_MS }), await simulate({ seed: 7, faultsMs: FAULTS_MS })]
    const other = await simulate({ seed: 8, faultsMs: FAULTS_MS })
    expect(again).toEqual(first)
    expect(other.traceHash).not.toBe(first.traceHash)
  })
})
