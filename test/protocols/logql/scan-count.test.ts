/** Counting without looking: no lines for a plan without stages, no times where a block lies inside one window. */
import { describe, expect, it } from 'vitest'
import { parse } from '../../../protocols/logql/parser.ts'
import { planQuery } from '../../../protocols/logql/plan.ts'
import type { EntryBlock } from '../../../protocols/model.ts'
import { blockOf } from '../../support/blocks.ts'
import { evaluateSharded, parametersOf } from '../../support/execute-local.ts'

const S = 1_000_000_000n
const START_NS = 1_700_000_000n * S

/** Refuses to give up these columns. */
function without(block: EntryBlock, ...columns: ReadonlyArray<'relativeNs' | 'lines' | 'lengths' | 'metadata' | 'levels'>): EntryBlock {
  const refuse = (): never => {
    throw new Error('a column was read that is not needed')
  }
  return { ...block, ...Object.fromEntries(columns.map((column) => [column, refuse])) }
}

const block = blockOf(
  ['a', 'b'].map((pod) => ({
    labels: { app: 'x', pod },
    entries: Array.from({ length: 30 }, (_, i) => ({ ns: START_NS + BigInt(i) * S, line: `${pod} line ${i}`, metadata: { kind: i % 3 === 0 ? 'k' : 'l' }, level: i % 2 === 0 ? 'info' : 'warn' })),
  })),
)

function ask(query: string, from: EntryBlock, seconds = 60n): Array<[string, number[]]> {
  const plan = planQuery(parse(query), parametersOf({ startNs: START_NS + seconds * S, endNs: START_NS + seconds * S, stepNs: seconds * S, limits: { seriesMax: 100, alignsToStep: false } }))
  const data = evaluateSharded(plan, [[from]])
  if (data.kind !== 'matrix') throw new Error('not a matrix')
  return data.series.map(({ labels, values }) => [labels.map(([, v]) => v).join(), [...values]])
}

describe('counting', () => {
  it('reads nothing at all where a window holds the block', () => {
    const blind = without(block, 'relativeNs', 'lines', 'lengths', 'metadata', 'levels')
    expect(ask('sum(count_over_time({app="x"}[2m]))', blind)).toEqual([['', [60]]])
  })

  it('reads only times where windows end inside the block', () => {
    const blind = without(block, 'lines', 'lengths', 'metadata', 'levels')
    expect(ask('sum(count_over_time({app="x"}[50s]))', blind)).toEqual([['', [38]]])
  })

  it('reads only what tells series apart', () => {
    expect(ask('sum by (detected_level) (count_over_time({app="x"}[2m]))', without(block, 'lines', 'lengths', 'relativeNs'))).toEqual([['info', [30]], ['warn', [30]]])
    expect(ask('sum by (kind) (count_over_time({app="x"}[2m]))', without(block, 'lines', 'lengths', 'levels'))).toEqual([['k', [20]], ['l', [40]]])
  })

  it('reads lengths for bytes', () => {
    const bytes = Array.from({ length: 30 }, (_, i) => `a line ${i}`.length * 2).reduce((a, b) => a + b)
    expect(ask('sum(bytes_over_time({app="x"}[2m]))', without(block, 'lines', 'metadata', 'levels'))).toEqual([['', [bytes]]])
  })
})

describe('counting what line filters pass', () => {
  const queries = [
    'count_over_time({app="x"} |= "1" [W])',
    'count_over_time({app="x"} != "1" [W])',
    'count_over_time({app="x"} |~ "line [0-9]$" != "7" [W])',
    'bytes_over_time({app="x"} |= "2" [W])',
    'sum by (kind, detected_level) (bytes_over_time({app="x"} |= "1" [W]))',
    'sum by (detected_level) (count_over_time({app="x"} |= "a line" [W]))',
    'sum(rate({app="x"} |= "nothing of this" [W]))',
    'sum(count_over_time({app="x"} |= "line" [W]))',
  ]

  it.each(queries)('is as one row after the other: %s', (query) => {
    // A label filter that every row passes sends the same rows one by one.
    const slow = (text: string): string => text.replace(' [W]', ' | app="x" [W]')
    for (const [window, seconds] of [['2m', 60n], ['50s', 60n], ['7s', 20n], ['7s', 3n]] as const) {
      const inWindow = (text: string): string => text.replaceAll('[W]', `[${window}]`)
      expect(ask(inWindow(query), block, seconds)).toEqual(ask(inWindow(slow(query)), block, seconds))
    }
  })

  it('reads neither times nor what no label needs, where a window holds the block', () => {
    expect(ask('sum(count_over_time({app="x"} |= "a line" [2m]))', without(block, 'relativeNs', 'metadata', 'levels'))).toEqual([['', [30]]])
  })
})
