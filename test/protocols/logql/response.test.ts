/** Answers as JSON text: the four result types, both forms of streams, Go's numbers. */
import { describe, expect, it } from 'vitest'
import { goFloat, goQuote } from '../../../protocols/logql/go-text.ts'
import type { QueryData, StreamsData } from '../../../protocols/logql/query-data.ts'
import { NO_STATISTICS } from '../../../protocols/logql/response-statistics.ts'
import { responsePieces, responseText } from '../../../protocols/logql/response.ts'

const options = { categorizeLabels: false, warnings: [], statistics: NO_STATISTICS }
const result = (data: QueryData, over: Partial<typeof options> = {}): unknown => {
  const { stats, ...rest } = JSON.parse(responseText(data, { ...options, ...over })).data
  expect(stats.summary.totalLinesProcessed).toBe(0)
  return rest
}

const streams: StreamsData = {
  kind: 'streams',
  streams: [
    { stream: [['app', 'b']], metadata: [['trace', '1']], parsed: [] },
    { stream: [['app', 'a']], metadata: [], parsed: [['x', '"y"']] },
    { stream: [['app', 'b'], ['trace', '1']], metadata: [], parsed: [] },
  ],
  entries: [
    { ns: '3', line: 'late "q" \u0001', stream: 0 },
    { ns: '2', line: 'same labels', stream: 2 },
    { ns: '1', line: 'early', stream: 1 },
  ],
}

describe('streams', () => {
  it('are told apart by all their labels, and sorted', () => {
    expect(result(streams)).toEqual({
      resultType: 'streams',
      result: [
        { stream: { app: 'a', x: '"y"' }, values: [['1', 'early']] },
        { stream: { app: 'b', trace: '1' }, values: [['3', 'late "q" \u0001'], ['2', 'same labels']] },
      ],
    })
  })

  it('are told apart by stream labels when labels are categorized', () => {
    expect(result(streams, { categorizeLabels: true })).toEqual({
      resultType: 'streams',
      encodingFlags: ['categorize-labels'],
      result: [
        { stream: { app: 'a' }, values: [['1', 'early', { parsed: { x: '"y"' } }]] },
        { stream: { app: 'b', trace: '1' }, values: [['2', 'same labels', {}]] },
        { stream: { app: 'b' }, values: [['3', 'late "q" \u0001', { structuredMetadata: { trace: '1' } }]] },
      ],
    })
  })

  it('come in pieces', () => {
    const entries = Array.from({ length: 5000 }, (_, i) => ({ ns: String(i), line: 'x'.repeat(100), stream: 0 }))
    const pieces = [...responsePieces({ ...streams, entries }, options)]
    expect(pieces.length).toBeGreaterThan(5)
    expect(Math.max(...pieces.map((p) => p.length))).toBeLessThan(70_000)
    expect(JSON.parse(pieces.join('')).data.result[0].values).toHaveLength(5000)
  })
})

describe('metrics', () => {
  const grid = { startNs: 1_793_491_200_500_000_000n, stepNs: 500_000_000n, count: 3 }

  it('leave absent points out of a matrix', () => {
    const series = [{ labels: [['a', 'b']] as const, values: Float64Array.of(1, 2, NaN), present: Uint8Array.of(1, 0, 1) }]
    expect(result({ kind: 'matrix', grid, series })).toEqual({
      resultType: 'matrix',
      result: [{ metric: { a: 'b' }, values: [[1_793_491_200.5, '1'], [1_793_491_201.5, 'NaN']] }],
    })
  })

  it('show a vector in its order, and a scalar at the time that clients know', () => {
    const ns = 1_793_494_800_000_000_000n
    const samples = [{ labels: [['z', '1']] as const, value: Infinity }, { labels: [], value: 0.5 }]
    expect(result({ kind: 'vector', ns, samples })).toEqual({
      resultType: 'vector',
      result: [{ metric: { z: '1' }, value: [1_793_494_800, '+Inf'] }, { metric: {}, value: [1_793_494_800, '0.5'] }],
    })
    expect(result({ kind: 'scalar', ns, value: 2 })).toEqual({ resultType: 'scalar', result: [4_160_624_850_173, '2'] })
  })

  it('carry warnings before the data', () => {
    expect(JSON.parse(responseText({ kind: 'vector', ns: 0n, samples: [] }, { ...options, warnings: ['w'] })).warnings).toEqual(['w'])
    expect(responseText({ kind: 'vector', ns: 0n, samples: [] }, options)).not.toContain('warnings')
  })
})

describe('text as Go prints it', () => {
  it.each([
    [3.1709791983764586e-8, '0.000000031709791983764586'], [1e21, '1000000000000000000000'], [-1.5e-7, '-0.00000015'], [1.25e22, '12500000000000000000000'],
    [NaN, 'NaN'], [-Infinity, '-Inf'], [-0, '-0'], [0.1, '0.1'], [42, '42'],
  ])('%d', (value, text) => {
    expect(goFloat(value)).toBe(text)
  })

  it('quotes as strconv.Quote', () => {
    expect(goQuote('a"b\\c\n\t\u0001é✓ \u00a0\u{e0001}')).toBe('"a\\"b\\\\c\\n\\t\\x01é✓ \\u00a0\\U000e0001"')
  })
})
