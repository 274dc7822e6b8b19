/**
 * Builds the filters of a segment's blocks: for each block a set of bits, one a gram, folded to the size that its content needs, and all of them laid
 * out in pages so that a search reads a few kilobytes for all blocks at once.
 *
 * The segment encoder uses it. One bit a gram is enough because a literal has several grams: an id of 16 digits has eleven.
 */
import zlib from 'node:zlib'
import type { Labels } from '../protocols/model.ts'
import type { SealedRows } from './block-rows.ts'
import { GramScanner, WORD_HASHES } from './filter-grams.ts'
import { PAIR_HASHES, pairHashes } from './filter-pairs.ts'
import { FILTER_BITS_LOG2_MAX, FILTER_BITS_LOG2_MIN, FILTER_PAGE_BITS, FILTER_PAGE_CRC_BYTES, FILTER_PAGES } from './segment-format.ts'

/** Share of bits set up to which a filter is folded. A half is where a Bloom filter has the most information a bit. */
const DENSITY_MAX = 0.5
/** A byte of a line begins at most one ID gram and one word gram. */
const HASHES_A_BYTE = 1 + WORD_HASHES
/** Bytes of a page's slice before folding. */
const SLICE_BYTES_MAX = 1 << (FILTER_BITS_LOG2_MAX - FILTER_PAGE_BITS - 3)

export interface BlockFilter {
  readonly bitsLog2: number
  /** FILTER_PAGES slices of equal length, one after the other. */
  readonly bits: Uint8Array
}

export class FilterBuilder {
  readonly #scanner = new GramScanner(true)
  readonly #bits = new Uint8Array(FILTER_PAGES * SLICE_BYTES_MAX)
  readonly #words = new Uint32Array(this.#bits.buffer)
  readonly #pair = new Uint32Array(PAIR_HASHES)
  /** Of the block at hand, before folding: no more than its bytes can need. */
  #bitsLog2 = FILTER_BITS_LOG2_MAX
  #sliceBytes = SLICE_BYTES_MAX

  block(rows: SealedRows): BlockFilter {
    const hashes = rows.lines.length * HASHES_A_BYTE + PAIR_HASHES * pairCount(rows)
    this.#bitsLog2 = Math.min(FILTER_BITS_LOG2_MAX, Math.max(FILTER_BITS_LOG2_MIN, Math.ceil(Math.log2(2 * hashes))))
    this.#sliceBytes = sliceBytesOf(this.#bitsLog2)
    this.#bits.fill(0, 0, FILTER_PAGES * this.#sliceBytes)
    this.#addLines(rows.lines, rows.lengths)
    if (rows.metadata !== null) this.#addPairs(rows.metadata.sets)
    if (rows.levels !== null) this.#addPairs([rows.levels.values.map((level) => ['detected_level', level] as const)])
    return this.#folded()
  }

  #addLines(lines: Uint8Array, lengths: Uint32Array): void {
    const scanner = this.#scanner
    scanner.begin(lines)
    let from = 0
    for (let row = 0; row < lengths.length; row++) {
      const to = from + lengths[row]!
      scanner.scan(from, to)
      this.#addHashes(scanner.idHashes, scanner.idCount)
      this.#addHashes(scanner.wordHashes, scanner.wordCount)
      from = to
    }
  }

  #addHashes(hashes: Uint32Array, count: number): void {
    const bits = this.#bits
    const sliceBytes = this.#sliceBytes
    for (let i = 0; i < count; i++) {
      const hash = hashes[i]!
      bits[(hash >>> (32 - FILTER_PAGE_BITS)) * sliceBytes + ((hash >>> 3) & (sliceBytes - 1))]! |= 1 << (hash & 7)
    }
  }

  #addPairs(sets: ReadonlyArray<Labels>): void {
    for (const set of sets) {
      for (const [name, value] of set) {
        pairHashes(name, value, this.#pair)
        this.#addHashes(this.#pair, PAIR_HASHES)
      }
    }
  }

  #folded(): BlockFilter {
    const before = this.#sliceBytes
    let bitsLog2 = this.#bitsLog2
    for (let after = folding(this.#density()); after <= DENSITY_MAX && bitsLog2 > FILTER_BITS_LOG2_MIN; after = folding(after)) bitsLog2--
    const sliceBytes = sliceBytesOf(bitsLog2)
    const bits = new Uint8Array(FILTER_PAGES * sliceBytes)
    if (sliceBytes < 4) layOver(this.#bits, before, bits, sliceBytes)
    else layOver(this.#words, before / 4, new Uint32Array(bits.buffer), sliceBytes / 4)
    return { bitsLog2, bits }
  }

  #density(): number {
    const words = (FILTER_PAGES * this.#sliceBytes) / 4
    let set = 0
    for (let i = 0; i < words; i++) {
      let v = this.#words[i]!
      v -= (v >>> 1) & 0x5555_5555
      v = (v & 0x3333_3333) + ((v >>> 2) & 0x3333_3333)
      set += Math.imul((v + (v >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
    }
    return set / (32 * words)
  }
}

/** Each page's slice of `before` elements onto one of `after`, both powers of two. */
function layOver<T extends Uint8Array | Uint32Array>(from: T, before: number, to: T, after: number): void {
  for (let page = 0; page < FILTER_PAGES; page++) {
    const target = page * after
    for (let i = 0, at = page * before; i < before; i++, at++) to[target + (i & (after - 1))] = to[target + (i & (after - 1))]! | from[at]!
  }
}

const pairCount = ({ metadata, levels }: SealedRows): number => (metadata?.sets.reduce((sum, set) => sum + set.length, 0) ?? 0) + (levels?.values.length ?? 0)

/** Density after one half was laid over the other. */
const folding = (density: number): number => 1 - (1 - density) ** 2

/** Bytes of one page that belong to a block with a filter of 2^`bitsLog2` bits. */
export const sliceBytesOf = (bitsLog2: number): number => 1 << (bitsLog2 - FILTER_PAGE_BITS - 3)

/** Page after page: the slices of all blocks in order, then the crc32 of the page. Nothing for no blocks. */
export function filterPages(filters: ReadonlyArray<BlockFilter>): Buffer {
  const pageBytes = pageBytesOf(filters.map((f) => f.bitsLog2))
  const out = Buffer.alloc(pageBytes * FILTER_PAGES)
  if (pageBytes === 0) return out
  for (let page = 0; page < FILTER_PAGES; page++) {
    let at = page * pageBytes
    const from = at
    for (const { bitsLog2, bits } of filters) {
      const length = sliceBytesOf(bitsLog2)
      out.set(bits.subarray(page * length, (page + 1) * length), at)
      at += length
    }
    out.writeUInt32LE(zlib.crc32(out.subarray(from, at)), at)
  }
  return out
}

/** Length of a page, checksum included; 0 when there are no blocks. */
export function pageBytesOf(bitsLog2: ReadonlyArray<number>): number {
  return bitsLog2.length === 0 ? 0 : bitsLog2.reduce((sum, log2) => sum + sliceBytesOf(log2), FILTER_PAGE_CRC_BYTES)
}
