import { describe, expect, it } from 'vitest'
import type { LogExpr } from '../../../../protocols/logql/ast.ts'
import { parse } from '../../../../protocols/logql/parser.ts'
import { compilePipeline } from '../../../../protocols/logql/pipeline-compile.ts'
import type { EntryBlock } from '../../../../protocols/model.ts'
import { linesAfter, randomOf } from '../../../support/pipeline-rows.ts'

const LINES = ['Error: Failed to open', 'all is well', '', 'failure at 10.0.0.1', 'FAILED again, error=2', 'ſtrange Kelvin', 'x']

describe('line filters', () => {
  it.each<[string, number[]]>([
    ['|= "rror"', [0, 4]], ['|= ""', [0, 1, 2, 3, 4, 5, 6]], ['!= ""', []], ['!= "rror"', [1, 2, 3, 5, 6]], ['|= "well" or "x"', [1, 6]], ['!= "well" or "x"', [0, 2, 3, 4, 5]],
    ['|~ "^f"', [3]], ['|~ "(?i)fail(ed|ure)"', [0, 3, 4]], ['!~ "(?i)fail(ed|ure)"', [1, 2, 5, 6]], ['|~ "(?i)S"', [1, 5]], ['|~ "(?i)k"', [5]], ['|~ ".+"', [0, 1, 3, 4, 5, 6]],
    ['|~ "[0-9]+[.]"', [3]], ['|~ "l.*well|x$"', [1, 6]], ['|~ "open" |= "Error" != "x"', [0]],
    ['|> "<_>: <_> open"', [0]], ['|> "all is well"', [1]], ['!> "<_>a<_>"', [1, 2, 6]], ['|> ""', [2]],
    ['|= ip("10.0.0.0/24")', [3]], ['!= ip("10.0.0.1")', [0, 1, 2, 4, 5, 6]], ['|= ip("10.0.0.0-10.0.0.2") or "x"', [3, 6]],
  ])('%s', (filter, expected) => {
    expect(linesAfter(filter, LINES)).toEqual(expected.map((i) => LINES[i]))
    expect(linesAfter(filter, LINES, { reverse: true })).toEqual(expected.toReversed().map((i) => LINES[i]))
    expect(linesAfter(`| line_format "{{__line__}}" ${filter}`, LINES)).toEqual(expected.map((i) => LINES[i]))
  })

  it('look at the line as it is by then', () => {
    expect(linesAfter('| line_format "{{.app}}" |= "x" != "Error"', LINES)).toHaveLength(LINES.length)
  })

  it.each(['|= ip("bad")', '|= ip("10.0.0.0/33")', '|= ip("10.0.0.9-10.0.0.1")'])('refuse %s', (filter) => {
    expect(() => linesAfter(filter, [])).toThrow(/^parse error : stage '\|= ip\(".*"\)' : ip: invalid pattern: ".*"$/)
  })
})

/** Rows anywhere in the bytes: in order, with gaps and foreign bytes, or all over the place. */
function scattered(lines: ReadonlyArray<string>, random: (below: number) => number, ordered: boolean): EntryBlock {
  const order = lines.map((_line, i) => i)
  if (!ordered) for (let i = order.length - 1; i > 0; i--) [order[i], order[random(i + 1)]] = [order[random(i + 1)]!, order[i]!]
  const pieces: Buffer[] = []
  const starts = new Uint32Array(lines.length)
  const lengths = new Uint32Array(lines.length)
  let at = 0
  for (const row of new Set([...order, ...lines.keys()])) {
    const gap = Buffer.from(['', '', 'error', 'fail', ' '][random(5)]!)
    const line = Buffer.from(lines[row]!)
    starts[row] = at + gap.length
    lengths[row] = line.length
    pieces.push(gap, line)
    at += gap.length + line.length
  }
  const times = Float64Array.from(lines, (_line, i) => i)
  return {
    rowCount: lines.length, baseNs: 0n, minNs: 0n, maxNs: BigInt(lines.length), runs: [{ labels: [['app', 'x']], from: 0, to: lines.length }],
    relativeNs: () => times, lengths: () => lengths, lines: () => ({ bytes: Buffer.concat(pieces), starts, lengths }), metadata: () => null, levels: () => null,
  }
}

describe('line filters over many rows', () => {
  const filters: ReadonlyArray<readonly [string, (line: string) => boolean]> = [
    ['|= "error"', (l) => l.includes('error')],
    ['!= "error"', (l) => !l.includes('error')],
    ['|= "rorfa"', (l) => l.includes('rorfa')],
    ['|= "error" != "fail" |= " "', (l) => l.includes('error') && !l.includes('fail') && l.includes(' ')],
    ['|= "ail" or "é"', (l) => l.includes('ail') || l.includes('é')],
    ['|~ "(?i)FAILs"', (l) => /failſ|fails/i.test(l)],
    ['|~ "err.*fail"', (l) => /err.*fail/.test(l)],
    ['!~ "err.*fail"', (l) => !/err.*fail/.test(l)],
    ['|~ "^(error|fail)" |= "é"', (l) => /^(error|fail)/.test(l) && l.includes('é')],
    ['|> "<_>fail<_>"', (l) => /^[^]+?fail[^]+$/.test(l) && !l.startsWith('fail')],
  ]

  it.each(filters)('%s agrees with a line-by-line reading, wherever the rows lie', (filter, expected) => {
    const random = randomOf(filter.length)
    const words = ['error', 'fail', 'FAIL', 'ſ', 's', ' ', 'é', 'r', 'or', 'xyz ']
    for (const ordered of [true, false]) {
      const lines = Array.from({ length: 9000 }, () => Array.from({ length: random(6) }, () => words[random(words.length)]).join(''))
      const block = scattered(lines, random, ordered)
      const pipeline = compilePipeline({ stages: (parse(`{app="x"} ${filter}`) as LogExpr).stages, unwrap: null, labelMode: { kind: 'by', names: [] }, nowMs: 0 })
      const from = random(500)
      const to = lines.length - random(500)
      const rows: number[] = []
      pipeline.run(block, block.runs[0]!, from, to, false, { row: ({ index }) => rows.push(index) > 0 })
      expect(rows).toEqual(lines.flatMap((line, i) => (i >= from && i < to && expected(line) ? [i] : [])))
      const last: number[] = []
      pipeline.run(block, block.runs[0]!, from, to, true, { row: ({ index }) => last.push(index) < 5 })
      expect(last).toEqual(rows.slice(-5).toReversed())
    }
  })
})
