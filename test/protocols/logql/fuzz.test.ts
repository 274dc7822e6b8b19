/** A part of the fuzz run (`npm run fuzz` does all of it): every input ends in a tree or in a 400, soon. */
import { describe, expect, it } from 'vitest'
import { fuzzBroken, fuzzHostile } from './fuzz.ts'

/** Long texts are parsed in the answer thread (`test/integration/event-loop.test.ts` holds the event loop to its bound), and must end soon there. */
const MS_MAX = 250
/** Texts of up to 512 characters are parsed on the event loop. */
const SHORT_MS_MAX = 50

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

  it('answers short hostile queries at once', () => {
    const { wrong, slowestMs, slowest } = fuzzHostile(1000, 6, 9)
    expect(wrong).toEqual([])
    expect(slowestMs, slowest).toBeLessThan(SHORT_MS_MAX)
  })
})
