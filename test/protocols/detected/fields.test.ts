import { describe, expect, it } from 'vitest'
import { type DetectedField, detectFields, detectValues } from '../../../protocols/detected/fields.ts'
import { detectLabels } from '../../../protocols/detected/labels.ts'
import type { Labels } from '../../../protocols/model.ts'

interface Line {
  readonly line: string
  readonly stream?: Labels
  readonly metadata?: Labels
  readonly parsed?: Labels
}

function detect(lines: ReadonlyArray<Line>, limit = 100): Map<string, DetectedField> {
  const streams = lines.map(({ stream = [['app', 'x']], metadata = [], parsed = [] }) => ({ stream, metadata, parsed }))
  const entries = lines.map(({ line }, i) => ({ ns: String(i), line, stream: i }))
  return new Map(detectFields({ streams, entries }, limit).map((field) => [field.label, field]))
}

describe('detected fields', () => {
  it('reads JSON with its paths, and logfmt where a line is no JSON', () => {
    const found = detect([{ line: '{"user":{"id":1},"http.host":"h","list":[1],"none":null,"ok":true}' }, { line: 'level=info dur=3ms msg="two words"' }])
    expect(found.get('user_id')).toEqual({ label: 'user_id', type: 'int', cardinality: 1, parsers: ['json'], jsonPath: ['user', 'id'] })
    expect(found.get('http_host')).toMatchObject({ type: 'string', jsonPath: ['http.host'] })
    expect(found.get('ok')?.type).toBe('boolean')
    expect([...found.keys()]).not.toContain('list')
    expect([...found.keys()]).not.toContain('none')
    expect(found.get('dur')).toEqual({ label: 'dur', type: 'duration', cardinality: 1, parsers: ['logfmt'] })
    expect(found.get('msg')?.parsers).toEqual(['logfmt'])
  })

  it('shows structured metadata without a parser', () => {
    expect(detect([{ line: 'plain words', metadata: [['trace_id', 'ab']] }]).get('trace_id')).toEqual({ label: 'trace_id', type: 'string', cardinality: 1, parsers: null })
  })

  it('sets fields aside whose name the stream has', () => {
    expect([...detect([{ line: 'app=y b=1' }]).keys()]).toEqual(['app_extracted', 'b'])
  })

  it('takes what the query parsed as it is, and the parser from the line', () => {
    const found = detect([
      { line: '{"a":1}', parsed: [['a', '1']] },
      { line: '{"a":2', parsed: [['__error__', 'JSONParserErr'], ['a', '2']] },
    ])
    expect(found.get('a')).toEqual({ label: 'a', type: 'int', cardinality: 2, parsers: ['json', 'logfmt'], jsonPath: ['a'] })
    expect([...found.keys()]).toEqual(['a'])
  })

  it('lets the first stream decide the type', () => {
    const found = detect([{ line: 'v=1', stream: [['app', 'a']] }, { line: 'v=word', stream: [['app', 'b']] }])
    expect(found.get('v')?.type).toBe('int')
  })

  it('gives no more fields and values than asked for, and survives lines made to hurt', () => {
    expect(detect([{ line: 'a=1 b=2 c=3' }], 2).size).toBe(2)
    const hostile = [`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`, '{'.repeat(10_000), `"${'\\'.repeat(9_999)}`, '='.repeat(1_000), '\u0000\uFFFD']
    expect(() => detect(hostile.map((line) => ({ line })))).not.toThrow()
    const values = { streams: [{ stream: [], metadata: [], parsed: [] }], entries: ['v=1', 'v=2', 'v=2', 'v=3'].map((line, i) => ({ ns: String(i), line, stream: 0 })) }
    expect(detectValues(values, 'v', 10)).toEqual(['1', '2', '3'])
    expect(detectValues(values, 'v', 2)).toEqual(['1', '2'])
    expect(detectValues(values, 'none', 2)).toEqual([])
  })
})

describe('detected labels', () => {
  it('leaves out labels that hold only numbers or UUIDs, except those that readers know', () => {
    const uuid = '2f1c7a36-9f3c-4a5e-8d3a-0c6f0a1b2c3d'
    const streams: Array<{ labels: Labels }> = [
      { labels: [['app', 'a'], ['id', uuid], ['pod', '1'], ['shard', '1']] },
      { labels: [['app', 'b'], ['id', uuid.replace('2', '3')], ['pod', '2'], ['shard', '2.5']] },
    ]
    expect(detectLabels(streams)).toEqual([{ label: 'app', cardinality: 2 }, { label: 'pod', cardinality: 2 }])
  })
})
