/** `detected_level` is what Loki recorded for every line of the corpus, and what its rules say elsewhere. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Labels } from '../../../protocols/model.ts'
import { LIMIT_DEFAULTS } from '../../../protocols/limits.ts'
import { levelOfFields, makeLevelsOf, normaliseLevel } from '../../../protocols/push/level.ts'
import { oneByOne } from '../../support/levels.ts'
import { seeded } from '../../support/push-bodies.ts'

const policy = { fields: LIMIT_DEFAULTS.log_level_fields, jsonDepthMax: 2 }
const levelOf = oneByOne(makeLevelsOf(policy))
const labelsOf = (record: Readonly<Record<string, string>>): Labels => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
const ofLine = (line: string, metadata: Labels = [], labels: Labels = []): string => {
  const bytes = Buffer.from(`error ${line} error`)
  return levelOf(labels, metadata, bytes, 6, bytes.length - 6)
}

describe('lines', () => {
  it.each([
    ['{"level":"warn"}', 'warn'],
    ['  {"level":"WARNING","msg":"x"} ', 'warn'],
    ['{"a":{"level":"debug"},"level":"error"}', 'debug'],
    ['{"a":{"b":{"level":"debug"}},"lvl":"trc"}', 'trace'],
    ['{"a":[{"level":"debug"}],"severity":"FATAL"}', 'fatal'],
    ['{"a":"level","b":"\\"level\\":\\"warn\\"","Severity":"critical"}', 'critical'],
    ['{"level":5,"SeverityText":"inf"}', 'info'],
    ['{"level":"strange","msg":"an error happened"}', 'error'],
    ['{"level" : "err" }', 'error'],
    ['{"LeVeL":"odd","msg":"x"}', 'unknown'],
    ['{"LeVeL":"warning","lvl":"error"}', 'error'],
    ['{"log.level":"information"}', 'info'],
    ['level=warn msg="an error"', 'warn'],
    ['LVL=dbg', 'debug'],
    ['lvl=debug level=error', 'error'],
    ['level="warning" x=1', 'warn'],
    ['level=odd info: fine', 'info'],
    ['msg="level=error" level=info', 'info'],
    ['a=b=c level=wrn', 'unknown'],
    ['level= x', 'unknown'],
    ['x error', 'error'],
    ['ERROR: disk', 'error'],
    ['[Info] started', 'info'],
    ['something (warning) something', 'warn'],
    ['errors everywhere', 'unknown'],
    ['terror', 'unknown'],
    ['an errand, then fatal!', 'fatal'],
    ['info-level', 'unknown'],
    ['-error', 'unknown'],
    ['x:error', 'unknown'],
    ['debug then error', 'debug'],
    ['"critical"', 'critical'],
    ['err', 'error'],
    ['', 'unknown'],
    ['   ', 'unknown'],
    ['panic: nil map', 'unknown'],
    ['{', 'unknown'],
    ['{"level', 'unknown'],
    ['{"level":"wrn', 'unknown'],
    ['{"level":}', 'unknown'],
  ])('%s', (line, level) => {
    expect(ofLine(line)).toBe(level)
  })

  it('find the earliest whole word, wherever it stands, as a plain reading does', () => {
    const next = seeded(9)
    const words = ['trace', 'DEBUG', 'Fatal', 'critical', 'error', 'err', 'ERR', 'warning', 'warn', 'info', 'information', 'terror', 'in', 'er', '22', '42', 'r', 'wa']
    const edges = [...' \t\n[](){}:,!"-.x']
    const expression = /(?:^|[ \t\n[({,"=])(trace|debug|fatal|critical|error|err|warning|warn|info)(?=$|[ \t\n[\](){}:,!"=])/
    const name = (word: string): string => normaliseLevel(word)
    for (let round = 0; round < 20_000; round++) {
      const line = Array.from({ length: Math.floor(next() * 9) }, () => words[Math.floor(next() * words.length)]! + edges[Math.floor(next() * edges.length)]!).join('').slice(Math.floor(next() * 3), next() < 0.5 ? undefined : -1)
      if (/^\s*\{[^]*\}\s*$/.test(line)) continue
      const found = expression.exec(line.toLowerCase())?.[1]
      expect([line, ofLine(line)]).toEqual([line, found === undefined ? 'unknown' : name(found)])
    }
  })

  it('do not look past their end, nor fail, whatever the bytes', () => {
    const next = seeded(8)
    const alphabet = [...'{}[]":,= \\\tlevelinfowarnERROR\u00e4'].map((c) => Buffer.from(c))
    for (let round = 0; round < 30_000; round++) {
      const line = Buffer.concat(Array.from({ length: Math.floor(next() * 40) }, () => alphabet[Math.floor(next() * alphabet.length)]!))
      const inside = Buffer.concat([Buffer.from('{"level":"'), line, Buffer.from('"level":"fatal"} level=fatal fatal ')])
      expect(levelOf([], [], inside, 10, 10 + line.length)).toBe(levelOf([], [], line, 0, line.length))
    }
  })
})

describe('labels and metadata', () => {
  const fields = policy.fields
  it.each([
    [{ detected_level: 'WARNING' }, { detected_level: 'info' }, 'warn'],
    [{ level: 'mixed' }, { detected_level: 'info' }, 'info'],
    [{ level: 'mixed' }, { level: 'info' }, 'mixed'],
    [{ severity: 'fatal', lvl: 'debug' }, {}, 'fatal'],
    [{ app: 'x' }, { level: 'ERR' }, 'error'],
    [{ app: 'x' }, { severity_text: 'Information', severity_number: '17' }, 'info'],
    [{ app: 'x' }, { severity_number: '17' }, 'error'],
    [{ app: 'x' }, { severity_number: '0' }, 'unknown'],
    [{ app: 'x' }, { severity_number: '4' }, 'trace'],
    [{ app: 'x' }, { severity_number: '24' }, 'fatal'],
    [{ app: 'x' }, { severity_number: 'many' }, 'info'],
    [{ app: 'x' }, { trace_id: '1' }, null],
  ])('%j with %j', (labels, metadata, level) => {
    expect(levelOfFields(labelsOf(labels as Record<string, string>), labelsOf(metadata as Record<string, string>), fields)).toBe(level)
  })

  it('outrank the line, row by row', () => {
    const warn: Labels = [['level', 'warn']]
    expect([ofLine('error', [], warn), ofLine('error', [['level', 'info']], warn), ofLine('error'), ofLine('error', [['level', 'info']]), ofLine('error', [], warn)]).toEqual([
      'warn', 'warn', 'error', 'info', 'warn',
    ])
  })

  it('keep levels that are not known as they are', () => {
    expect([normaliseLevel('Notice'), normaliseLevel(''), normaliseLevel('x'.repeat(1000))]).toEqual(['Notice', '', 'x'.repeat(1000)])
  })
})

interface Answer {
  readonly id: string
  readonly headers?: Readonly<Record<string, string>>
  readonly params?: { readonly query?: string }
  readonly expect: { readonly body: { readonly data?: { readonly resultType?: string; readonly result?: ReadonlyArray<{ readonly stream: Record<string, string>; readonly values: ReadonlyArray<readonly [string, string, { structuredMetadata?: Record<string, string> }?]> }> } } }
}
interface CorpusPush {
  readonly streams: ReadonlyArray<{ readonly stream: Record<string, string>; readonly values: ReadonlyArray<readonly [string, string, Record<string, string>?]> }>
}

const shared = path.resolve(import.meta.dirname, '../../../../shared/conformance')

describe.skipIf(!existsSync(shared))('recorded answers (../shared/conformance)', () => {
  it('agree for every line that they show as it was pushed', () => {
    const pushed = new Map<string, { labels: Labels; metadata: Labels }>()
    for (const text of readFileSync(path.join(shared, 'corpus.ndjson'), 'utf8').split('\n')) {
      if (text === '') continue
      for (const { stream, values } of (JSON.parse(text) as CorpusPush).streams) {
        for (const [ns, line, metadata] of values) pushed.set(`${ns} ${stream['app']} ${stream['pod']} ${stream['env']} ${stream['service_name']} ${stream['n']} ${line}`, { labels: labelsOf(stream), metadata: labelsOf(metadata ?? {}) })
      }
    }
    const answers: Answer[] = JSON.parse(gunzipSync(readFileSync(path.join(shared, 'cases.json.gz'))).toString())
    const wrong: string[] = []
    let compared = 0
    for (const { id, expect: { body }, params } of answers) {
      if (body.data?.resultType !== 'streams' || /\|\s*(drop|keep|label_format|json|logfmt|regexp|pattern|unpack)/.test(params?.query ?? '')) continue
      for (const { stream, values } of body.data.result ?? []) {
        for (const [ns, line, third] of values) {
          const recorded = third?.structuredMetadata?.['detected_level'] ?? stream['detected_level']
          const source = pushed.get(`${ns} ${stream['app']} ${stream['pod']} ${stream['env']} ${stream['service_name']} ${stream['n']} ${line}`)
          if (recorded === undefined || source === undefined) continue
          compared++
          const got = ofLine(line, source.metadata, source.labels)
          if (got !== recorded) wrong.push(`${id}: ${recorded}, not ${got}: ${JSON.stringify(source)} ${line.slice(0, 120)}`)
        }
      }
    }
    expect(compared).toBeGreaterThan(1_000)
    expect(wrong).toEqual([])
  })
})
