import { describe, expect, it } from 'vitest'
import { fuzzSegments } from './segment-fuzz.ts'

describe('mutated segments', () => {
  it('are refused as corrupt or read as they were, never anything else', async () => {
    const { corrupt, unharmed } = await fuzzSegments(1500, 42)
    expect(corrupt).toBeGreaterThan(1000)
    expect(corrupt + unharmed).toBe(1500)
  })
})
