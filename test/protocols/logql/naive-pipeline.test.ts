/** Every operator of a log query against a plain line-by-line reference, on random lines and random chains of operators. */
import { describe, expect, it } from 'vitest'
import type { TestEntry } from '../../support/blocks.ts'
import * as naive from '../../support/naive-pipeline.ts'
import type { NaiveFilter, NaiveRow, NaiveStage } from '../../support/naive-pipeline.ts'
import { rowsOf } from '../../support/pipeline-rows.ts'
import { drawFrom, pick, type Draw } from '../../support/random-entries.ts'

const CHAINS = 3000
const LINES = 25
const OPERATORS = ['|=', '!=', '|~', '!~', '|>', '!>', '| json', '| logfmt', '| regexp', '| pattern', '| unpack', '| line_format', '| label_format', '| decolorize', '| drop', '| keep']
const STREAM = { app: 'x', pod: 'p-1' }
const NAMES = ['level', 'n', 'pod', 'kind', 'user_id', 'status', 'verb', 'made', 'pod_extracted', 'none']
const VALUES = ['info', 'warn', '3', '7', 'p-1', 'a', 'GET', '200', '']

type Line = Omit<TestEntry, 'ns'>

const LINE_KINDS: ReadonlyArray<(draw: Draw) => string> = [
  (draw) => JSON.stringify({ level: pick(draw, ['info', 'warn']), n: draw(9), user: { id: `u${draw(3)}` }, 'od-d': true, pod: 'other', dur: `${draw(9)}s`, list: [1], no: null }),
  (draw) => `level=${pick(draw, ['info', 'warn'])} n=${draw(9)} pod=other dur=${draw(2000)}ms size=${draw(9)}KB msg="two words" kind=`,
  (draw) => `10.0.0.${draw(12)} - "${pick(draw, ['GET', 'PUT'])} /a/${draw(9)}" ${pick(draw, [200, 404])}`,
  (draw) => `{"n": ${draw(9)}, "level": "info", "x`,
  (draw) => JSON.stringify({ _entry: `inner level=info n=${draw(9)}`, trace: `t${draw(3)}`, pod: 'packed', n: draw(9) }),
  (draw) => `\u001b[31mlevel\u001b[0m of ${draw(9)} é\u001b[1;32m!`,
  () => '',
]

const randomLine = (draw: Draw): Line => ({ line: pick(draw, LINE_KINDS)(draw), ...(draw(3) === 0 ? { metadata: { kind: pick(draw, ['a', 'b']) } } : {}) })

function randomFilter(draw: Draw, depth: number): NaiveFilter {
  if (depth > 0 && draw(3) === 0) return pick(draw, [naive.both, naive.either])(randomFilter(draw, depth - 1), randomFilter(draw, depth - 1))
  const name = pick(draw, NAMES)
  const op = pick(draw, ['>', '<=', '==', '!='] as const)
  return pick<() => NaiveFilter>(draw, [
    () => naive.stringFilter(name, pick(draw, ['=', '!='] as const), pick(draw, VALUES)),
    () => naive.stringFilter(name, pick(draw, ['=~', '!~'] as const), pick(draw, ['info|warn', 'u[0-2]', '[a-z]+', 'p-1'])),
    () => naive.comparison(name, 'number', op, String(draw(9))),
    () => naive.comparison('dur', 'duration', op, `${draw(5)}s`),
    () => naive.comparison('size', 'bytes', op, `${draw(9)}KB`),
  ])()
}

/** Some parsers read only lines of their kind the plain way: those are picked out first. */
function randomStages(draw: Draw): NaiveStage[] {
  const word = (): string => pick(draw, ['level', 'info', '10.0', '"', 'é', 'none', 'n=', '{', '3'])
  const expression = (): string => pick(draw, ['lev.l', '[0-9]+', 'x|info', '^10\\.', 'n(=|":)3', '\\d$'])
  const some = <T>(make: () => T): T[] => Array.from({ length: 1 + draw(2) }, make)
  const names = (): string[] => some(() => pick(draw, NAMES))
  return pick<() => NaiveStage[]>(draw, [
    () => [naive.lineFilter(pick(draw, ['|=', '!='] as const), some(word))],
    () => [naive.lineFilter(pick(draw, ['|~', '!~'] as const), some(expression))],
    () => [naive.shapeFilter(pick(draw, ['|>', '!>'] as const), word())],
    () => [naive.ipFilter(pick(draw, ['|=', '!='] as const), draw(12))],
    () => [naive.lineFilter('|=', ['{']), naive.json],
    () => [naive.lineFilter('|~', ['^level=']), naive.logfmt],
    () => [naive.regexp('(?P<ip>\\d+\\.\\S+) - "(?P<verb>[A-Z]+)')],
    () => [naive.pattern],
    () => [naive.unpack],
    () => [naive.labelFilter(randomFilter(draw, 2))],
    () => [naive.lineFormat(names())],
    () => [naive.made('made', names())],
    () => [naive.renamed(pick(draw, ['made', 'kind']), pick(draw, ['level', 'n', 'pod', 'none']))],
    () => [naive.decolorize],
    () => [naive.dropOrKeep(pick(draw, ['drop', 'keep'] as const), names(), [pick(draw, NAMES), pick(draw, VALUES.filter((value) => value !== ''))])],
  ])()
}

function naiveRows(stages: ReadonlyArray<NaiveStage>, lines: ReadonlyArray<Line>): unknown[] {
  const rows = lines.map(({ line, metadata = {} }): NaiveRow => {
    const base = new Map([...Object.entries(STREAM), ...Object.entries(metadata)])
    return { line, base, began: new Set(base.keys()), parsed: new Map(), error: '' }
  })
  const passed = rows.filter((row) => stages.every(({ run }) => run(row)))
  return passed.map((row) => {
    const { app: _, ...labels } = naive.labelsOfRow(row)
    return { line: row.line, labels }
  })
}

describe('chains of operators', () => {
  it(`${CHAINS} of them do to lines what the reference does`, () => {
    let passed = 0
    const used = new Set<string>()
    for (let seed = 1; seed <= CHAINS; seed++) {
      const draw = drawFrom(seed)
      const stages = Array.from({ length: 1 + draw(4) }, () => randomStages(draw)).flat()
      const lines = Array.from({ length: LINES }, () => randomLine(draw))
      const text = stages.map((stage) => stage.text).join(' ')
      const got = rowsOf(text, lines, { stream: STREAM }).map(({ line, labels: { __error_details__: _details, ...labels } }) => ({ line, labels }))
      expect(got, `seed ${seed}: ${text}`).toEqual(naiveRows(stages, lines))
      passed += got.length
      if (got.length > 0) for (const stage of stages) used.add(/^(?:\| \w+|\S+)/.exec(stage.text)![0])
    }
    expect(passed).toBeGreaterThan(CHAINS * 3)
    expect(OPERATORS.filter((operator) => !used.has(operator))).toEqual([])
  })
})
