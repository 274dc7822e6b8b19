import { expect, it } from 'vitest'
import { decodeSeries, SeriesAnswerBuilder } from '../../../actors/segments/encoded-series.ts'
import type { SeriesFacts } from '../../../storage/segment-select.ts'

const part = (minMs: number, maxMs: number, lineBytes: number): SeriesFacts => ({
  labels: [['app', 'a']], minNs: BigInt(minMs) * 1_000_000n, maxNs: BigInt(maxMs) * 1_000_000n, receivedMinMs: minMs + 100, receivedMaxMs: maxMs + 100, rowCount: 1, lineBytes, chunkCount: 1,
})
const PARTS = [part(0, 10, 1), part(10, 20, 2), part(40, 50, 4)]

it('adds up what a stream has in several places', () => {
  const builder = new SeriesAnswerBuilder({ matcherSets: [], within: null, partsMax: null })
  for (const one of PARTS) builder.add([one])
  const encoded = builder.encoded()
  expect(encoded).toMatchObject({ count: 1, lineBytes: 7 })
  expect(decodeSeries(encoded.bytes)).toEqual([{ labels: [['app', 'a']], minNs: 0n, maxNs: 50_000_000n, receivedMinMs: 100, receivedMaxMs: 150, rowCount: 3, lineBytes: 7, chunkCount: 3 }])
})

it.each([['entry_time', 15, 40, 6], ['entry_time', 51, 60, 0], ['received', 0, 105, 1], ['received', 115, 120, 2]] as const)('counts by %s from %i to %i ms: %i bytes', (by, minMs, maxMs, lineBytes) => {
  const builder = new SeriesAnswerBuilder({ matcherSets: [], within: { by, minNs: BigInt(minMs) * 1_000_000n, maxNs: BigInt(maxMs) * 1_000_000n }, partsMax: null })
  builder.add(PARTS)
  expect(builder.encoded().lineBytes).toBe(lineBytes)
})

it('keeps parts apart on request, up to a number that it names', () => {
  const builder = new SeriesAnswerBuilder({ matcherSets: [], within: null, partsMax: 3 })
  builder.add(PARTS)
  expect(builder.encoded().count).toBe(3)
  expect(() => builder.add(PARTS)).toThrow(expect.objectContaining({ code: 'query_limit', message: expect.stringContaining('more than the 3 parts') as string }))
})
