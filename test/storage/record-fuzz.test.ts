import { describe, expect, it } from 'vitest'
import { fuzzRecords } from './record-fuzz.ts'

describe('mutated WAL records', () => {
  it('are refused with an operating error or read as they were, never anything else', async () => {
    const { corrupt, unharmed } = await fuzzRecords(1500, 42)
    expect(corrupt).toBeGreaterThan(900)
    expect(corrupt + unharmed).toBe(1500)
  })
})
