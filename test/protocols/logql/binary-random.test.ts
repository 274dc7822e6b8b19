/** Binary operators over random vectors, point by point, against a plain reference: pairs of samples, one by one. */
import { describe, expect, it } from 'vitest'
import { executeSharded, parametersOf } from '../../support/execute-local.ts'
import { blockOf, type TestStream } from '../../support/blocks.ts'
import { drawFrom, randomStreams } from '../../support/random-entries.ts'

const START_NS = 1_700_000_000n * 1_000_000_000n
const POINTS = 11
const parameters = parametersOf({ startNs: START_NS, endNs: START_NS + 200_000_000_000n, stepNs: 20_000_000_000n })
const SEEDS = 6

interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const vector = (seconds: number, names: string, offset = ''): string => `sum by (${names}) (count_over_time({app=~".+"} | kind=~"a|b" [${seconds}s]${offset}))`
const FINE = vector(15, 'app, kind')
const EARLIER = vector(15, 'app, kind', ' offset 9s')
const COARSE = vector(3, 'app')

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b, '-': (a, b) => a - b, '*': (a, b) => a * b, '/': (a, b) => a / b, '%': (a, b) => a % b, '^': (a, b) => a ** b,
}
const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b, '!=': (a, b) => a !== b, '>': (a, b) => a > b, '>=': (a, b) => a >= b, '<': (a, b) => a < b, '<=': (a, b) => a <= b,
}

/** What a pair comes to; null: nothing. A comparison without `bool` gives the left value. */
function outcome(op: string, returnBool: boolean, a: number, b: number): number | null {
  const arithmetic = ARITHMETIC[op]
  if (arithmetic !== undefined) return arithmetic(a, b)
  const holds = COMPARISONS[op]!(a, b)
  if (returnBool) return holds ? 1 : 0
  return holds ? a : null
}

function samples(query: string, streams: ReadonlyArray<TestStream>): Sample[][] {
  const data = executeSharded(query, parameters, [[blockOf(streams, { levels: false })]])
  if (data.kind !== 'matrix') throw new Error('not a matrix')
  return Array.from({ length: POINTS }, (_, k) => data.series.filter((s) => s.present[k] === 1).map((s) => ({ labels: Object.fromEntries(s.labels), value: s.values[k]! })))
}

const shown = (all: ReadonlyArray<Sample>): string[] => all.map(({ labels, value }) => `${JSON.stringify(labels)} ${value}`).sort()
const only = (labels: Sample['labels'], names: ReadonlyArray<string>): Sample['labels'] => Object.fromEntries(names.filter((name) => name in labels).map((name) => [name, labels[name]!]))
const same = (a: object, b: object): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Runs both sides and the whole on random entries; `want` says what the whole should be at a point. */
function check(query: string, left: string, right: string, want: (l: ReadonlyArray<Sample>, r: ReadonlyArray<Sample>) => Sample[]): void {
  let found = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const streams = randomStreams(drawFrom(seed), { startNs: START_NS, seconds: 200, streams: 6, rows: 25 })
    const [l, r, whole] = [left, right, query].map((text) => samples(text, streams)) as [Sample[][], Sample[][], Sample[][]]
    for (let k = 0; k < POINTS; k++) {
      expect(shown(whole[k]!), `${query}, seed ${seed}, point ${k}`).toEqual(shown(want(l[k]!, r[k]!)))
      found += whole[k]!.length
    }
  }
  expect(found).toBeGreaterThan(0)
}

const withBool = (ops: ReadonlyArray<string>): Array<[op: string, returnBool: boolean]> => ops.flatMap((op) => (op in COMPARISONS ? [[op, false], [op, true]] : [[op, false]]) as Array<[string, boolean]>)
const OPERATIONS = withBool([...Object.keys(ARITHMETIC), ...Object.keys(COMPARISONS)])

describe.each(OPERATIONS)('%s (bool: %s)', (op, returnBool) => {
  const text = `${op}${returnBool ? ' bool' : ''}`
  const pairs = (ones: ReadonlyArray<Sample>, others: ReadonlyArray<Sample>, on: ReadonlyArray<string>, swapped: boolean): Sample[] =>
    ones.flatMap((one) => {
      const other = others.find((candidate) => same(only(one.labels, on), only(candidate.labels, on)))
      if (other === undefined) return []
      const value = swapped ? outcome(op, returnBool, other.value, one.value) : outcome(op, returnBool, one.value, other.value)
      return value === null ? [] : [{ labels: one.labels, value }]
    })

  it('pairs equal labels', () => check(`${FINE} ${text} ${EARLIER}`, FINE, EARLIER, (l, r) => pairs(l, r, ['app', 'kind'], false)))
  it('pairs many with one', () => check(`${FINE} ${text} on (app) group_left ${COARSE}`, FINE, COARSE, (l, r) => pairs(l, r, ['app'], false)))
  it('pairs one with many', () => check(`${COARSE} ${text} ignoring (kind) group_right ${FINE}`, COARSE, FINE, (l, r) => pairs(r, l, ['app'], true)))
  it('takes a number on either side', () => {
    const kept = (of: ReadonlyArray<Sample>, swapped: boolean): Sample[] =>
      of.flatMap(({ labels, value }) => {
        const holds = swapped ? outcome(op, returnBool, 2, value) : outcome(op, returnBool, value, 2)
        // A comparison shows the vector's value, wherever the number stands.
        return holds === null ? [] : [{ labels, value: op in COMPARISONS && !returnBool ? value : holds }]
      })
    check(`${FINE} ${text} 2`, FINE, COARSE, (l) => kept(l, false))
    check(`2 ${text} ${FINE}`, FINE, COARSE, (l) => kept(l, true))
  })
})

describe('sets', () => {
  const meets = (one: Sample, others: ReadonlyArray<Sample>, on: ReadonlyArray<string>): boolean => others.some((other) => same(only(one.labels, on), only(other.labels, on)))
  const FEW = `(${EARLIER} > 1)`
  it.each([
    ['', ['app', 'kind']],
    [' on (app)', ['app']],
    [' ignoring (app)', ['kind']],
  ] as const)('by%s', (matching, on) => {
    check(`${FINE} and${matching} ${FEW}`, FINE, FEW, (l, r) => l.filter((one) => meets(one, r, on)))
    check(`${FINE} unless${matching} ${FEW}`, FINE, FEW, (l, r) => l.filter((one) => !meets(one, r, on)))
    check(`${FEW} or${matching} ${FINE}`, FEW, FINE, (l, r) => [...l, ...r.filter((one) => !meets(one, l, on))])
  })
})
