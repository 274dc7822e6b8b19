/** Whole pipelines: label modes against each other, ids, laziness, and random operators over random bytes. */
import { describe, expect, it } from 'vitest'
import type { LogExpr } from '../../../protocols/logql/ast.ts'
import { parse } from '../../../protocols/logql/parser.ts'
import { compilePipeline } from '../../../protocols/logql/pipeline-compile.ts'
import type { LabelMode, Row } from '../../../protocols/logql/pipeline.ts'
import { interruptible } from '../../../protocols/logql/regex.ts'
import type { EntryBlock } from '../../../protocols/model.ts'
import { blockOf } from '../../support/blocks.ts'
import { randomOf } from '../../support/pipeline-rows.ts'

type Random = (below: number) => number

const pick = <T>(random: Random, of: ReadonlyArray<T>): T => of[random(of.length)]!

const LINES: ReadonlyArray<(random: Random) => string> = [
  (r) => `level=${pick(r, ['info', 'error', ''])} app=${r(3)} status=${r(600)} took=${r(900)}ms msg="a b" user_id=${r(4)}`,
  (r) => JSON.stringify({ level: pick(r, ['info', 'error']), status: r(600), user: { id: r(4) }, app: 'y', took: `${r(9)}s`, region: 'zz' }),
  (r) => `${JSON.stringify({ status: r(600), level: 'warn' }).slice(0, 8 + r(12))}`,
  (r) => JSON.stringify({ _entry: `packed ${r(9)} level=warn`, pod: `p${r(3)}` }),
  (r) => `10.0.0.${r(9)} - bob "GET /x" ${r(600)} \u001b[31mred\u001b[0m`,
  () => '',
  (r) => Array.from({ length: r(12) }, () => pick(r, ['=', '"', '{', '}', '[', ']', ',', ':', '\\', ' ', 'a', '1', 'é', '\n'])).join(''),
]

function randomBlock(random: Random): EntryBlock {
  const streams = Array.from({ length: 3 }, (_, i) => ({
    labels: { app: 'x', env: pick(random, ['dev', 'prod']), ...(i === 1 ? { level: 'mixed' } : {}) },
    entries: Array.from({ length: 120 }, (_row, k) => ({
      ns: 1_793_491_200_000_000_000n + BigInt(k), line: pick(random, LINES)(random), level: pick(random, ['info', 'error', 'unknown']),
      ...(random(3) === 0 ? { metadata: { region: pick(random, ['eu', 'us']), ...(random(4) === 0 ? { app: 'm' } : {}) } } : {}),
    })),
  }))
  return blockOf(streams)
}

const STAGES = [
  '| json', '| logfmt', '| logfmt --strict', '| logfmt --keep-empty', '| unpack', '| json a="status", b="user.id"', '| logfmt status, lvl="level"', '| regexp `(?P<status>\\d+)`',
  '| pattern `<ip> - <_> "<method> <_>" <status> <_>`', '| decolorize', '|= "e"', '!= "x"', '|~ "[0-9]+"', '|> "<_>e<_>"', '| status>=300', '| level="error"', '| took>100ms', '| region!="eu"',
  '| detected_level=~"info|error"', '| label_format status=level', '| label_format lvl="{{.level}}-{{.region}}"', '| line_format "{{.status}} {{__line__}}"', '| drop level', '| keep status, level, region', '| drop app, region="us"',
  '| addr=ip("10.0.0.0/24")', '| __error__=""',
]

interface Seen {
  readonly index: number
  readonly line: string
  readonly error: string
  readonly labels: string
}

function run(block: EntryBlock, stages: LogExpr['stages'], labelMode: LabelMode, shown: (name: string) => boolean): Seen[] {
  const pipeline = compilePipeline({ stages, unwrap: null, labelMode, nowMs: 0 })
  const seen: Seen[] = []
  for (const one of block.runs) {
    pipeline.run(block, one, one.from, one.to, false, {
      row(row: Row) {
        const { merged } = pipeline.labelsOf(row.labelsId())
        seen.push({ index: row.index, line: row.lineText(), error: row.error, labels: JSON.stringify(merged.filter(([name]) => shown(name))) })
        return true
      },
    })
  }
  return seen
}

describe('pipelines', () => {
  it('keep the same rows and values whichever labels are asked for, and never throw, whatever the lines hold', () => {
    const random = randomOf(42)
    for (let round = 0; round < 250; round++) {
      const block = randomBlock(random)
      const text = Array.from({ length: 1 + random(4) }, () => pick(random, STAGES)).join(' ')
      const { stages } = parse(`{app="x"} ${text} | __error__=""`) as LogExpr
      const names = Array.from({ length: 1 + random(3) }, () => pick(random, ['level', 'status', 'user_id', 'region', 'app', 'detected_level', 'level_extracted', 'lvl', 'none']))
      const named = (name: string): boolean => names.includes(name)
      const all = run(block, stages, { kind: 'all' }, named)
      expect([text, names, run(block, stages, { kind: 'by', names }, named)]).toEqual([text, names, all])
      const others = run(block, stages, { kind: 'all' }, (name) => !named(name))
      expect([text, names, run(block, stages, { kind: 'without', names }, () => true)]).toEqual([text, names, others])
    }
  })

  it('give equal ids to equal labels and to no others, over blocks', () => {
    const random = randomOf(9)
    for (const labelMode of [{ kind: 'all' }, { kind: 'by', names: ['level', 'env', 'detected_level'] }, { kind: 'without', names: ['app'] }] satisfies LabelMode[]) {
      const pipeline = compilePipeline({ stages: (parse('{app="x"} | logfmt') as LogExpr).stages, unwrap: null, labelMode, nowMs: 0 })
      const idOf = new Map<string, number>()
      for (let i = 0; i < 4; i++) {
        const block = randomBlock(random)
        for (const one of block.runs) {
          pipeline.run(block, one, one.from, one.to, false, {
            row(row) {
              const id = row.labelsId()
              const { stream, metadata, parsed } = pipeline.labelsOf(id)
              const key = JSON.stringify([stream, metadata, parsed])
              expect(idOf.get(key) ?? id).toBe(id)
              idOf.set(key, id)
              return true
            },
          })
        }
      }
      expect(new Set(idOf.values()).size).toBe(idOf.size)
    }
  })

  it('do not decode lines that nobody looks at', () => {
    const block = { ...randomBlock(randomOf(1)), lines: () => { throw new Error('lines were decoded') } }
    const pipeline = compilePipeline({ stages: (parse('{app="x"} | detected_level="error"') as LogExpr).stages, unwrap: null, labelMode: { kind: 'by', names: ['env'] }, nowMs: 0 })
    expect(pipeline.needsLines).toBe(false)
    let rows = 0
    for (const one of block.runs) pipeline.run(block, one, one.from, one.to, false, { row: (row) => (rows += row.lineBytes() >= 0 ? 1 : 0) > 0 })
    expect(rows).toBeGreaterThan(0)
    expect(pipeline.stats.linesPassed).toBe(rows)
    expect(pipeline.stats.linesProcessed).toBe(block.rowCount)
  })

  it('refuse what cannot be compiled with the operator in front, filters behind an unwrap too', () => {
    const filters = [{ kind: 'ip', name: 'a', op: '=', value: 'bad' }] as const
    expect(() => compilePipeline({ stages: [], unwrap: { name: 'v', conversion: 'none', filters }, labelMode: { kind: 'all' }, nowMs: 0 })).toThrow(
      `parse error : stage '| a=ip("bad")' : ip: invalid pattern: "bad"`)
  })

  it('count lines, their bytes and those of structured metadata', () => {
    const block = blockOf([{ labels: { app: 'x' }, entries: [{ ns: 1n, line: 'abc', metadata: { region: 'eu' } }, { ns: 2n, line: 'de' }] }])
    const pipeline = compilePipeline({ stages: (parse('{app="x"} |= "a"') as LogExpr).stages, unwrap: null, labelMode: { kind: 'all' }, nowMs: 0 })
    pipeline.run(block, block.runs[0]!, 0, 2, false, { row: () => true })
    expect(pipeline.stats).toEqual({ linesProcessed: 2, bytesProcessed: 5, metadataBytesProcessed: 8, linesPassed: 1 })
  })

  it('live through bytes that are no text', () => {
    const random = randomOf(77)
    const lines = Array.from({ length: 500 }, () => Buffer.from(Array.from({ length: random(60) }, () => (random(3) === 0 ? random(256) : pick(random, [0x7b, 0x22, 0x3a, 0x3d, 0x5c, 0x7d, 0x2c, 0x61, 0x20])))))
    const lengths = Uint32Array.from(lines, (line) => line.length)
    const starts = new Uint32Array(lines.length)
    for (let i = 1; i < lines.length; i++) starts[i] = starts[i - 1]! + lengths[i - 1]!
    const block = { ...blockOf([{ labels: { app: 'x' }, entries: lines.map((_line, i) => ({ ns: BigInt(i), line: '' })) }]), lengths: () => lengths, lines: () => ({ bytes: Buffer.concat(lines), starts, lengths }) }
    for (const stage of STAGES) {
      for (const labelMode of [{ kind: 'all' }, { kind: 'by', names: ['a', 'status'] }] satisfies LabelMode[]) {
        expect(run(block, (parse(`{app="x"} ${stage}`) as LogExpr).stages, labelMode, () => true).length).toBeLessThanOrEqual(lines.length)
      }
    }
  })
})

describe('long pipelines', () => {
  const logExpr = (query: string): LogExpr => parse(query) as LogExpr
  const lines = blockOf([{ labels: { app: 'x' }, entries: Array.from({ length: 500 }, (_, i) => ({ ns: BigInt(i), line: `${'x'.repeat(60)} n=${i}` })) }])

  it('search for each literal once', () => {
    const once = run(lines, logExpr('{app="x"} |= "x" != "n=7"').stages, { kind: 'all' }, () => true)
    const often = run(lines, logExpr(`{app="x"}${' |= "x" != "n=7"'.repeat(5000)}`).stages, { kind: 'all' }, () => true)
    expect(once.length).toBe(489)
    expect(often).toEqual(once)
  })

  it.each([['filters', ' != "a"'], ['other stages', ' | logfmt']])('of many %s end when nobody waits for them', (_what, stage) => {
    const { stages } = logExpr(`{app="x"}${stage.repeat(2)}`)
    const cancelled = (): never => {
      throw new Error('cancelled')
    }
    expect(() => interruptible(cancelled, () => run(lines, stages, { kind: 'all' }, () => true))).toThrow('cancelled')
  })
})
