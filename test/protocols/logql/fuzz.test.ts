/** A part of the fuzz run (`npm run fuzz` does all of it): every input ends in a tree or in a 400, soon. */
import { describe, expect, it } from 'vitest'
import { fuzzBroken, fuzzHostile } from './fuzz.ts'

/** The bar is 50 ms (`npm run fuzz` shows it); test runs share two cores with servers and with code that is not compiled yet. */
const MS_MAX = 250

describe('the parser', () => {
  it('answers broken queries', () => {
    const { wrong, slowestMs, slowest, refused } = fuzzBroken(3000, 5)
    expect(wrong).toEqual([])
    expect(refused).toBeGreaterThan(1000)
    expect(slowestMs, slowest).toBeLessThan(MS_MAX)
  })

  it('answers hostile queries', () => {
    const { wrong, slowestMs, slowest, parsed, refused } = fuzzHostile(250, 5)
    expect(wrong).toEqual([])
    expect(Math.min(parsed, refused)).toBeGreaterThan(20)
    expect(slowestMs, slowest).toBeLessThan(MS_MAX)
  })
})
