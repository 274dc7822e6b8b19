import { describe, expect, it } from 'vitest'
import { estimateCardinality } from '../../../protocols/detected/cardinality.ts'
import { metroHash64 } from '../../../protocols/detected/metro-hash.ts'
import { typeOfValue } from '../../../protocols/detected/value-type.ts'

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `value-${i * 7919}`)

describe('cardinality of detected fields', () => {
  it('is exact for few values, whatever their repetitions', () => {
    expect(estimateCardinality([])).toBe(0)
    expect(estimateCardinality(['a'])).toBe(1)
    expect(estimateCardinality(['a', 'b', 'a', 'b'])).toBe(2)
    expect(estimateCardinality(numbered(500))).toBe(500)
  })

  it('stays within a few percent when registers take over', () => {
    for (const count of [7_000, 20_000]) {
      const estimate = estimateCardinality(numbered(count))
      expect(Math.abs(estimate - count) / count, `${count} -> ${estimate}`).toBeLessThan(0.03)
    }
  })

  it('hashes every length, and each byte of it matters', () => {
    const seen = new Set<bigint>()
    for (let length = 0; length <= 70; length++) {
      const bytes = Buffer.alloc(length, 7)
      seen.add(metroHash64(bytes, 1337n))
      for (let at = 0; at < length; at++) {
        const changed = Buffer.from(bytes)
        changed[at] = 8
        seen.add(metroHash64(changed, 1337n))
      }
    }
    expect(seen.size).toBe(71 + (70 * 71) / 2)
  })
})

describe('types of detected fields', () => {
  it.each([
    ['42', 'int'], ['-7', 'int'], ['1.5', 'float'], ['1e3', 'float'], ['true', 'boolean'], ['FALSE', 'boolean'], ['790ms', 'duration'], ['1h2m3.5s', 'duration'],
    ['17kb', 'bytes'], ['1.5GiB', 'bytes'], ['0x1f', 'string'], ['85%', 'string'], ['2026-11-01T00:00:00Z', 'string'], ['', 'string'],
  ])('%s is %s', (value, type) => {
    expect(typeOfValue(value)).toBe(type)
  })
})
