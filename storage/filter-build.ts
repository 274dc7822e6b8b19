/**
 * Builds the filters of a segment's blocks: for each block a set of bits, one a gram, folded to the size that its content needs, and all of them laid
 * out in pages so that a search reads a few kilobytes for all blocks at once.
 *
 * The segment encoder uses it. One bit a gram is enough because a literal has several grams: an id of 16 digits has eleven.
 */
import zlib from 'node:zlib'
import type { Labels } from '../protocols/model.ts'
import type { SealedRows } from './block-rows.ts'
import { WORD_HASHES } from './filter-grams.ts'
import { PAIR_HASHES, pairHashes } from './filter-pairs.ts'
import { FilterKernel, FOLD_SLICE_BYTES_MIN } from './filter-wasm.ts'
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

/** Larger than this, the kernel's memory is given back after the block (a huge line) that needed it. */
const KERNEL_BYTES_KEPT_MAX = 16 << 20

let kernel: FilterKernel | null = null

export class FilterBuilder {
  readonly #pair = new Uint32Array(PAIR_HASHES)
  #kernel: FilterKernel = (kernel ??= new FilterKernel())
  /** Of the block at hand, before folding: no more than its bytes can need. */
  #sliceBytes = SLICE_BYTES_MAX
  #bitsSet = 0

  /** Uses the thread's one kernel: blocks are built one after the other. */
  block(rows: SealedRows): BlockFilter {
    this.#kernel = kernel ??= new FilterKernel()
    const hashes = rows.lines.length * HASHES_A_BYTE + PAIR_HASHES * pairCount(rows)
    const bitsLog2 = Math.min(FILTER_BITS_LOG2_MAX, Math.max(FILTER_BITS_LOG2_MIN, Math.ceil(Math.log2(2 * hashes))))
    this.#sliceBytes = sliceBytesOf(bitsLog2)
    this.#kernel.bits.fill(0, 0, FILTER_PAGES * this.#sliceBytes)
    this.#bitsSet = this.#kernel.addLines(rows.lines, rows.lengths, this.#sliceBytes)
    if (rows.metadata !== null) this.#addPairs(rows.metadata.sets)
    if (rows.levels !== null) this.#addPairs([rows.levels.values.map((level) => ['detected_level', level] as const)])
    const filter = this.#folded(bitsLog2)
    if (this.#kernel.heldBytes > KERNEL_BYTES_KEPT_MAX) kernel = null
    return filter
  }

  #addPairs(sets: ReadonlyArray<Labels>): void {
    for (const set of sets) {
      for (const [name, value] of set) {
        pairHashes(name, value, this.#pair)
        for (const hash of this.#pair) this.#add(hash)
      }
    }
  }

  #add(hash: number): void {
    const { bits } = this.#kernel
    const at = (hash >>> (32 - FILTER_PAGE_BITS)) * this.#sliceBytes + ((hash >>> 3) & (this.#sliceBytes - 1))
    const old = bits[at]!
    bits[at] = old | (1 << (hash & 7))
    if (bits[at] !== old) this.#bitsSet++
  }

  #folded(bitsLog2Before: number): BlockFilter {
    let bitsLog2 = bitsLog2Before
    const density = this.#bitsSet / 2 ** bitsLog2
    for (let after = folding(density); after <= DENSITY_MAX && bitsLog2 > FILTER_BITS_LOG2_MIN; after = folding(after)) bitsLog2--
    const sliceBytes = sliceBytesOf(bitsLog2)
    if (sliceBytes >= FOLD_SLICE_BYTES_MIN) this.#kernel.fold(this.#sliceBytes, sliceBytes)
    else foldSmall(this.#kernel.bits, this.#sliceBytes, sliceBytes)
    return { bitsLog2, bits: this.#kernel.bits.slice(0, FILTER_PAGES * sliceBytes) }
  }
}

/** Each page's slice of `before` bytes onto one of `after`, both powers of two, in place: no slice is written before it was read. */
function foldSmall(bits: Uint8Array, before: number, after: number): void {
  for (let page = 0; page < FILTER_PAGES; page++) {
    for (let i = 0; i < after; i++) {
      let all = 0
      for (let at = page * before + i; at < (page + 1) * before; at += after) all |= bits[at]!
      bits[page * after + i] = all
    }
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
