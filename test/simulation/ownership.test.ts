/**
 * R1 and F3 over all interleavings, within bounds, of two owners' lease writes, expiry, pauses, lost and late messages, crashes, claims, commits and repeats.
 * `npm run simulate -- --explore catalog --losses 2` goes further.
 */
import { describe, expect, it } from 'vitest'
import { explore, type Exploration } from './explore.ts'
import { OwnershipModel, type ModelOptions } from './ownership-model.ts'

const BOUNDS: ModelOptions = { parts: 'catalog', rates: [1, 1], faults: 0, leaseEpochsMax: 2, leaseWritesMax: 3, exclusiveLeases: true }
const STATES_MAX = 500_000

const exploreWith = (over: Partial<ModelOptions>, statesMax = STATES_MAX): Exploration => explore(new OwnershipModel({ ...BOUNDS, ...over }), statesMax)

describe('all interleavings of two owners', { timeout: 120_000 }, () => {
  it('let one hold the lease at a time, and each epoch once', () => {
    const { states, isComplete, violation } = exploreWith({ parts: 'leases' })
    expect({ isComplete, violation }).toEqual({ isComplete: true, violation: null })
    expect(states).toBeGreaterThan(50_000)
  })

  it('commit without overlap or gap, one owner an epoch, whoever holds which lease, with a crash or a lost message anywhere', () => {
    const { states, isComplete, violation } = exploreWith({ faults: 1 })
    expect({ isComplete, violation }).toEqual({ isComplete: true, violation: null })
    expect(states).toBeGreaterThan(50_000)
  })

  it('keep both rules together, as far as is looked', () => {
    expect(exploreWith({ parts: 'both', faults: 1 }, 30_000).violation).toBeNull()
  })

  it('show two holders of a lease when a clock runs at twice the speed, and even so nothing is committed twice', () => {
    const clocks = { rates: [1, 2], leaseWritesMax: 4 } as const
    expect(exploreWith({ ...clocks, parts: 'leases' }).violation?.what).toBe('R1: two owners hold the lease')
    expect(exploreWith({ ...clocks, parts: 'both', exclusiveLeases: false }, 30_000).violation).toBeNull()
  })

  it('would show a catalog that lets old epochs commit, and starts that share an epoch', () => {
    expect(exploreWith({ withoutFence: true }).violation?.what).toMatch(/^R1: epoch \d+ is written by b1 and by a1$/)
    expect(exploreWith({ faults: 1, sameEpochs: true }).violation?.what).toMatch(/^R1: epoch \d+ is written by a1 and by a2$/)
  })
})
