import { describe, expect, it } from 'vitest'
import { streamsBodySteps, type StreamsForm } from '../../../actors/query/stream-answers.ts'
import type { Labels } from '../../../protocols/model.ts'
import type { SeriesFacts } from '../../../storage/segment-select.ts'

function facts(labels: Labels, lineBytes: number, receivedMs = 0): SeriesFacts {
  return { labels, lineBytes, receivedMinMs: receivedMs, receivedMaxMs: receivedMs, minNs: 0n, maxNs: 0n, rowCount: 2, chunkCount: 1 }
}

/** One stream is in two places. */
const PARTS = [[facts([['app', 'a'], ['pod', '1']], 10, 5), facts([['app', 'b']], 1, 5)], [facts([['app', 'a'], ['pod', '1']], 30, 15)]]
const QUESTION = { matchers: [], targetLabels: ['app'], aggregateBy: 'series', limit: 10 } as const

function textOf(form: StreamsForm, parts: ReadonlyArray<ReadonlyArray<SeriesFacts>> = PARTS, warnings: ReadonlyArray<string> = []): string {
  const steps = streamsBodySteps(parts, form, warnings)
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value
}

describe('answers about streams', () => {
  it.each<[string, StreamsForm, object]>([
    ['names', { kind: 'names' }, { status: 'success', data: ['app', 'pod'] }],
    ['values', { kind: 'values', name: 'app' }, { status: 'success', data: ['a', 'b'] }],
    ['no values', { kind: 'values', name: 'nope' }, { status: 'success' }],
    ['names of old', { kind: 'names', legacy: true }, { values: ['app', 'pod'] }],
    ['no values of old', { kind: 'values', name: 'nope', legacy: true }, {}],
    ['series, each once', { kind: 'series' }, { status: 'success', data: [{ app: 'a', pod: '1' }, { app: 'b' }] }],
    ['statistics', { kind: 'stats' }, { streams: 2, chunks: 3, bytes: 41, entries: 6 }],
    ['detected labels', { kind: 'detected' }, { detectedLabels: [{ label: 'app', cardinality: 2 }, { label: 'pod', cardinality: 1 }] }],
    ['volume', { kind: 'volume', question: QUESTION, atS: 7 }, { status: 'success', data: { resultType: 'vector', result: [{ metric: { app: 'a' }, value: [7, '40'] }, { metric: { app: 'b' }, value: [7, '1'] }] } }],
    [
      'volume of a range, each part where it was received',
      { kind: 'volumeRange', question: QUESTION, intervals: [{ fromMs: 0, toMs: 10 }, { fromMs: 10, toMs: 20 }] },
      { status: 'success', data: { resultType: 'matrix', result: [{ metric: { app: 'a' }, values: [[0.01, '10'], [0.02, '30']] }, { metric: { app: 'b' }, values: [[0.01, '1']] }] } },
    ],
  ])('%s', (_what, form, body) => {
    expect(JSON.parse(textOf(form))).toEqual(body)
    expect(textOf(form)).toMatch(/\n$/)
  })

  it('says what is missing (Q3)', () => {
    expect(JSON.parse(textOf({ kind: 'series' }, [], ['segment x could not be read']))).toEqual({ status: 'success', data: [], warnings: ['segment x could not be read'] })
  })

  it('divides streams into shards of about equal bytes that cover all fingerprints', () => {
    const streams = Array.from({ length: 100 }, (_, i) => facts([['id', String(i)]], 10))
    const { shards } = JSON.parse(textOf({ kind: 'shards', targetBytes: 250 }, [streams])) as { shards: Array<{ stats: { bytes: number } }> }
    expect(shards.map(({ stats }) => stats.bytes)).toEqual([250, 250, 250, 250])
    expect(textOf({ kind: 'shards', targetBytes: 1e9 }, [streams])).toContain('"bounds":{"min":0,"max":18446744073709551615}')
  })
})
