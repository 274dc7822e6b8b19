import { describe, expect, it } from 'vitest'
import type { Unwrap } from '../../../../protocols/logql/ast.ts'
import { plainDecimal } from '../../../../protocols/logql/go-values.ts'
import { randomOf, rowsOf } from '../../../support/pipeline-rows.ts'

const samples = (conversion: Unwrap['conversion'], lines: ReadonlyArray<string>): number[] =>
  rowsOf('| logfmt', lines, { unwrap: { name: 'v', conversion, filters: [] } }).map(({ sample }) => sample)

describe('| unwrap', () => {
  it('reads numbers, durations in seconds and sizes', () => {
    expect(samples('none', ['v=1', 'v=-2.5', 'v=1e3', 'v=0x1p4', 'v=Inf', 'v=12345678901234567168'])).toEqual([1, -2.5, 1000, 16, Infinity, 12345678901234567168])
    expect(samples('duration', ['v=1m30s', 'v=250ms', 'v=-1.5h', 'v=0'])).toEqual([90, 0.25, -5400, 0])
    expect(samples('duration_seconds', ['v=7us'])).toEqual([7e-6])
    expect(samples('bytes', ['v=1KB', 'v=1.5KiB', 'v=17kb', 'v="2 MB"', 'v=3'])).toEqual([1000, 1536, 17_000, 2_000_000, 3])
  })

  it('passes over rows without a value', () => {
    expect(samples('none', ['a=1', 'v=', 'v=2'])).toEqual([2])
  })

  it('takes the label out of the series, and keeps it in the message of a failed row', () => {
    const unwrap = { name: 'v', conversion: 'none', filters: [] } as const
    expect(rowsOf('| logfmt', ['v=1 a=2', 'v=x a=2'], { unwrap }).map(({ labels }) => labels)).toEqual([
      { a: '2' },
      { a: '2', v: 'x', __error__: 'SampleExtractionErr', __error_details__: 'strconv.ParseFloat: parsing "x": invalid syntax' },
    ])
  })

  it('runs the filters behind it', () => {
    const filters = [{ kind: 'string', matcher: { name: '__error__', op: '=', value: '' } }] as const
    expect(rowsOf('| logfmt', ['v=1', 'v=x'], { unwrap: { name: 'v', conversion: 'none', filters } })).toHaveLength(1)
  })

  it('reads plain decimals from bytes exactly, or not at all', () => {
    const random = randomOf(5)
    for (let i = 0; i < 5000; i++) {
      const text = `${random(2) === 0 ? '-' : ''}${Array.from({ length: 1 + random(9) }, () => random(10)).join('')}${random(2) === 0 ? '' : `.${Array.from({ length: random(9) }, () => random(10)).join('')}`}`
      const bytes = Buffer.from(`x${text}y`)
      const value = plainDecimal(bytes, 1, bytes.length - 1)
      if (!Number.isNaN(value)) expect(value).toBe(Number(text))
      else expect(text.replace(/\D/g, '').length).toBeGreaterThan(15)
    }
  })
})
