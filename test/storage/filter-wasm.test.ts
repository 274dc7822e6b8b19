/** The filter kernel sets exactly the bits of the grams that the plain scanner finds, whatever the lines, and folds like one bit after the other. */
import { describe, expect, it } from 'vitest'
import { GramScanner } from '../../storage/filter-grams.ts'
import { FilterKernel } from '../../storage/filter-wasm.ts'
import { FILTER_BITS_LOG2_MAX, FILTER_PAGE_BITS, FILTER_PAGES } from '../../storage/segment-format.ts'
import { logLine } from '../bench/data.ts'
import { seeded } from '../support/push-bodies.ts'

const SLICE_BYTES = 1 << (FILTER_BITS_LOG2_MAX - FILTER_PAGE_BITS - 3)

const placeOf = (hash: number, sliceBytes: number): [at: number, bit: number] => [
  (hash >>> (32 - FILTER_PAGE_BITS)) * sliceBytes + ((hash >>> 3) & (sliceBytes - 1)),
  1 << (hash & 7),
]

/** By the plain scanner. */
function expected(lines: ReadonlyArray<Buffer>, sliceBytes = SLICE_BYTES): Uint8Array {
  const bits = new Uint8Array(FILTER_PAGES * sliceBytes)
  const scanner = new GramScanner()
  for (const line of lines) {
    scanner.begin(line)
    scanner.scan(0, line.length)
    for (const hash of [...scanner.idHashes.subarray(0, scanner.idCount), ...scanner.wordHashes.subarray(0, scanner.wordCount)]) {
      const [at, bit] = placeOf(hash, sliceBytes)
      bits[at]! |= bit
    }
  }
  return bits
}

function built(kernel: FilterKernel, lines: ReadonlyArray<Buffer>): { readonly bits: Uint8Array; readonly bitsSet: number } {
  kernel.bits.fill(0)
  const bitsSet = kernel.addLines(Buffer.concat(lines), Uint32Array.from(lines, (line) => line.length), SLICE_BYTES)
  return { bits: kernel.bits.slice(), bitsSet }
}

const BITS_OF_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length)

function bitCount(bits: Uint8Array): number {
  let count = 0
  for (const byte of bits) count += BITS_OF_BYTE[byte]!
  return count
}

/** The bits as they are, without a diff of 128 KB when they are not. */
function check(kernel: FilterKernel, lines: ReadonlyArray<Buffer>): void {
  const { bits, bitsSet } = built(kernel, lines)
  const want = expected(lines)
  if (Buffer.compare(bits, want) !== 0) expect.fail(`other bits for ${JSON.stringify(lines.map(String))}`)
  expect(bitsSet).toBe(bitCount(want))
}

describe('the filter kernel', () => {
  const kernel = new FilterKernel()

  it('finds the grams of log lines', () => {
    const random = seeded(3)
    check(kernel, Array.from({ length: 3000 }, (_, i) => Buffer.from(logLine(random, i))))
  })

  it.each(['ab1.-', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ', '12.', '1.', '1234567890. ', 'éa1. ', 'aB@[`{/:'])('finds the grams of lines of %j', (alphabet) => {
    const random = seeded(alphabet.length)
    for (let round = 0; round < 40; round++) {
      const lines = Array.from({ length: Math.floor(random() * 30) }, () =>
        Buffer.from(Array.from({ length: Math.floor(random() * (round < 20 ? 12 : 300)) }, () => alphabet[Math.floor(random() * alphabet.length)]!).join('')),
      )
      check(kernel, lines)
    }
  })

  it('finds the grams of any bytes', () => {
    const random = seeded(5)
    for (let round = 0; round < 30; round++) {
      check(kernel, Array.from({ length: 20 }, () => Buffer.from(Array.from({ length: Math.floor(random() * 400) }, () => Math.floor(random() * 256)))))
    }
  })

  it('lets no run cross the end of a line, nor a dot join two lines', () => {
    check(kernel, ['abc', 'def', '1234.', '5678', '12', '.34567', '', '9.', '', '.9', '1234.5', '.', '6.7890'].map((line) => Buffer.from(line)))
  })

  it('takes runs longer than any look, of one line larger than its memory', () => {
    const random = seeded(6)
    const long = Buffer.from(Array.from({ length: 3 << 20 }, () => 0x61 + Math.floor(random() * 26)))
    check(kernel, [Buffer.from('x'.repeat(55)), Buffer.from(`${'x'.repeat(56)} ${'x'.repeat(57)}-${'y'.repeat(113)}`), long])
  })

  it('folds slices onto shorter ones', () => {
    const random = seeded(7)
    const lines = Array.from({ length: 50 }, (_, i) => Buffer.from(logLine(random, i)))
    for (const sliceBytes of [16, 32, 256, SLICE_BYTES]) {
      built(kernel, lines)
      kernel.fold(SLICE_BYTES, sliceBytes)
      expect(Buffer.from(kernel.bits.slice(0, FILTER_PAGES * sliceBytes)).equals(expected(lines, sliceBytes))).toBe(true)
    }
  })
})
