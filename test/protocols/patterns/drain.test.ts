import { describe, expect, it } from 'vitest'
import { Drain } from '../../../protocols/patterns/drain.ts'
import { patternText, tokensOf } from '../../../protocols/patterns/tokens.ts'

const textsOf = (drain: Drain): string[] => drain.clusters().map(({ tokens }) => patternText(tokens)).sort()

function learn(lines: ReadonlyArray<string>, clustersMax = 100): Drain {
  const drain = new Drain(clustersMax)
  for (const line of lines) drain.add(tokensOf(line), 'info', 0, 1)
  return drain
}

describe('patterns of lines', () => {
  it('puts lines together that differ in variables, and keeps others apart', () => {
    const drain = learn(['user alice logged in from 10.0.0.1', 'user bob logged in from 10.0.0.2', 'connection reset by peer', 'user carol logged in from 10.9.9.9'])
    expect(textsOf(drain)).toContain('user <_> logged in from <_>')
    expect(textsOf(drain)).toContain('connection reset by peer')
    expect(drain.clusters().reduce((sum, { total }) => sum + total, 0)).toBe(4)
  })

  it('keeps separators, so that a pattern matches the lines it came from', () => {
    expect(patternText(tokensOf('ts=2026 level=info msg="a b"'))).toBe('ts=<_> level=info msg="a b"')
  })

  it('counts by step and joins what others counted', () => {
    const drain = new Drain(10)
    drain.absorb({ tokens: tokensOf('a b c'), level: 'warn', counts: [[0, 2], [3, 1]] })
    drain.add(tokensOf('a b c'), 'warn', 3, 4)
    drain.add(tokensOf('a b c'), 'info', 3, 1)
    const warn = drain.clusters().find(({ level }) => level === 'warn')
    expect(warn?.total).toBe(7)
    expect([...(warn?.counts ?? [])]).toEqual([[0, 2], [3, 5]])
    expect(drain.clusters()).toHaveLength(2)
  })

  it('holds no more clusters than it may, and no line makes it hold many tokens', () => {
    const words = Array.from({ length: 500 }, (_, i) => `${String.fromCharCode(97 + (i % 26)).repeat(1 + (i % 17))}x${'y'.repeat(i % 13)} end`)
    expect(learn(words, 20).clusters().length).toBeLessThanOrEqual(20)
    expect(tokensOf('a '.repeat(100_000)).length).toBeLessThanOrEqual(102)
    expect(tokensOf('')).toEqual([])
  })
})
