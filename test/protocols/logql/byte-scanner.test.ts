import { describe, expect, it } from 'vitest'
import { ByteScanner, makeNeedle } from '../../../protocols/logql/byte-scanner.ts'
import { PROBE_POSITIONS_MAX } from '../../../protocols/logql/probe-wasm.ts'
import { randomOf } from '../../support/pipeline-rows.ts'

const positions = (bytes: Buffer, text: string, fold: boolean, from = 0, to = bytes.length): number[] => {
  const scanner = new ByteScanner()
  return [...scanner.hits.subarray(0, 0), ...Array.from({ length: scanner.scan(bytes, from, to, makeNeedle(text, fold)) }, (_, i) => scanner.hits[i]!)]
}

function naive(bytes: Buffer, text: string, fold: boolean, from: number, to: number): number[] {
  const read = (part: Buffer): string => (fold ? part.toString('latin1').replace(/[A-Z]/g, (c) => c.toLowerCase()) : part.toString('latin1'))
  const haystack = read(bytes.subarray(from, to))
  const needle = read(Buffer.from(text))
  const found: number[] = []
  for (let at = haystack.indexOf(needle); at !== -1; at = haystack.indexOf(needle, at + 1)) found.push(from + at)
  return found
}

describe('ByteScanner', () => {
  it('finds every match, overlapping ones too, wholly inside the bounds', () => {
    const bytes = Buffer.from('aaaa error ERROR errorerror')
    expect(positions(bytes, 'aa', false)).toEqual([0, 1, 2])
    expect(positions(bytes, 'error', true)).toEqual([5, 11, 17, 22])
    expect(positions(bytes, 'error', false, 6, 26)).toEqual([17])
    expect(positions(bytes, 'longer than what there is to look at', false)).toEqual([])
  })

  it('agrees with indexOf on random bytes, needles and bounds', () => {
    const random = randomOf(11)
    const alphabet = 'abABk@`{[ é'
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.from(Array.from({ length: random(200) }, () => alphabet[random(alphabet.length)]).join(''))
      const text = Array.from({ length: 1 + random(5) }, () => alphabet[random(9)]).join('')
      const from = random(bytes.length + 1)
      const to = from + random(bytes.length - from + 1)
      const fold = random(2) === 1
      expect(positions(bytes, text, fold, from, to)).toEqual(naive(bytes, text, fold, from, to))
    }
  })

  it('misses nothing at the seams between pieces', () => {
    const bytes = Buffer.alloc(PROBE_POSITIONS_MAX * 2 + 500, 0x2e)
    const places = [PROBE_POSITIONS_MAX - 400, PROBE_POSITIONS_MAX - 1, PROBE_POSITIONS_MAX * 2 - 150, bytes.length - 300]
    const needle = `x${'y'.repeat(298)}z`
    for (const at of places.filter((_place, i) => i % 2 === 0)) bytes.write(needle, at)
    expect(positions(bytes, needle, false)).toEqual(places.filter((_place, i) => i % 2 === 0))
    bytes.fill(0x2e)
    for (const at of [PROBE_POSITIONS_MAX - 1, bytes.length - 300]) bytes.write(needle, at)
    expect(positions(bytes, needle, true)).toEqual([PROBE_POSITIONS_MAX - 1, bytes.length - 300])
  })
})
