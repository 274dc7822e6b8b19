import { describe, expect, it } from 'vitest'
import { AppendSilence } from '../../storage/append-silence.ts'

describe('silent logs', () => {
  it('are reported when nothing was acknowledged for long enough, and again only after as long', () => {
    const silence = new AppendSilence(8_000)
    expect(silence.unanswered(1, 0, 3_000)).toBe(false)
    expect(silence.unanswered(1, 3_000, 6_000)).toBe(false)
    expect(silence.unanswered(1, 6_000, 9_000)).toBe(true)
    expect(silence.unanswered(1, 6_500, 9_500)).toBe(false)
    expect(silence.unanswered(1, 15_000, 18_000)).toBe(true)
  })

  it('are silent no more after one acknowledgement, and each partition counts by itself', () => {
    const silence = new AppendSilence(8_000)
    silence.unanswered(1, 0, 3_000)
    silence.acknowledged(1)
    expect(silence.unanswered(1, 6_000, 9_000)).toBe(false)
    expect(silence.unanswered(2, 0, 9_000)).toBe(true)
  })
})
