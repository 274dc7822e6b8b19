/**
 * Asks a segment's filters which blocks can hold what a scan must find. Reads only the pages that the question's grams fall into.
 *
 * `SegmentReader.select` uses it. "Maybe" for a literal without a gram: shorter than a word gram, or with nothing but punctuation between short runs.
 */
import zlib from 'node:zlib'
import type { ScanNeeds } from '../protocols/logql/scan.ts'
import { corrupt } from './column-bytes.ts'
import { pageBytesOf, sliceBytesOf } from './filter-build.ts'
import { GramScanner, WORD_HASHES } from './filter-grams.ts'
import { PAIR_HASHES, pairHashes } from './filter-pairs.ts'
import { FILTER_PAGE_BITS, FILTER_PAGE_CRC_BYTES } from './segment-format.ts'

/** Grams asked for a literal: each one that is set by chance halves what is left at worst, so more would cost more reads than they save. */
const GRAMS_MAX = 8

/** Where a segment's filters lie and how large each block's is. */
export interface FilterFacts {
  readonly offset: number
  readonly bitsLog2: ReadonlyArray<number>
  /** Bits that a word gram has in them. */
  readonly wordHashes: number
}

/** Hashes that are all set in a block that has the thing. */
type Probe = ReadonlyArray<number>
/** All of these, of each at least one. */
export type FilterQuestion = ReadonlyArray<ReadonlyArray<Probe>>

const scanner = new GramScanner()

/** Grams spread evenly over the literal; [] when it has none: it can be anywhere. */
export function literalProbe(literal: string, wordHashes: number): Probe {
  const bytes = Buffer.from(literal)
  scanner.begin(bytes)
  scanner.scan(0, bytes.length)
  const ids = scanner.idHashes.subarray(0, scanner.idCount)
  if (ids.length >= GRAMS_MAX) return [...new Set(spaced(ids, GRAMS_MAX))]
  return [...new Set([...ids, ...wordProbe(scanner.wordHashes.subarray(0, scanner.wordCount), wordHashes)])].slice(0, GRAMS_MAX + wordHashes)
}

/** The first hash of each gram, then the second of each: whichever of the words is rare, some of its bits are asked. */
function wordProbe(hashes: Uint32Array, wordHashes: number): number[] {
  const firsts = spaced(Uint32Array.from({ length: hashes.length / WORD_HASHES }, (_, i) => i), GRAMS_MAX)
  return Array.from({ length: wordHashes }, (_, k) => firsts.map((gram) => hashes[gram * WORD_HASHES + k]!)).flat()
}

function spaced(hashes: Uint32Array, max: number): number[] {
  if (hashes.length <= max) return [...hashes]
  return Array.from({ length: max }, (_, i) => hashes[Math.floor((i * (hashes.length - 1)) / (max - 1 || 1))]!)
}

function pairProbe(name: string, value: string): Probe {
  const hashes = new Uint32Array(PAIR_HASHES)
  pairHashes(name, value, hashes)
  return [...hashes]
}

/** What to ask; [] when nothing of the needs can be asked. */
export function questionOf(needs: Pick<ScanNeeds, 'literals' | 'metadataEquals'>, wordHashes: number): FilterQuestion {
  const literals = needs.literals.map((alternatives) => alternatives.map((literal) => literalProbe(literal, wordHashes)))
  const pairs = needs.metadataEquals.filter(([, value]) => value !== '').map(([name, value]) => [pairProbe(name, value)])
  return [...literals.filter((alternatives) => alternatives.length > 0 && alternatives.every((probe) => probe.length > 0)), ...pairs]
}

/** Pages by number, checked. */
export type FilterPageReader = (offset: number, lengthBytes: number) => Promise<Buffer>

export interface FilterAnswer {
  /** Whether the block of this index can hold what was asked for. */
  readonly mayHold: (block: number) => boolean
  readonly bytesRead: number
}

/** Rejects with `storage_corrupt` when a page does not check out. */
export async function askFilters(key: string, facts: FilterFacts, question: FilterQuestion, read: FilterPageReader): Promise<FilterAnswer> {
  const pageBytes = pageBytesOf(facts.bitsLog2)
  const numbers = [...new Set(question.flat(2).map((hash) => hash >>> (32 - FILTER_PAGE_BITS)))].sort((a, b) => a - b)
  const pages = new Map<number, Buffer>()
  await Promise.all(
    numbers.map(async (page) => {
      const bytes = await read(facts.offset + page * pageBytes, pageBytes)
      if (bytes.length !== pageBytes || zlib.crc32(bytes.subarray(0, -FILTER_PAGE_CRC_BYTES)) !== bytes.readUInt32LE(pageBytes - FILTER_PAGE_CRC_BYTES)) {
        throw corrupt(`segment ${key}: filter page ${page}`, 'checksum does not match')
      }
      pages.set(page, bytes)
    }),
  )
  const mayHold = blocksThatMayHold(question, facts.bitsLog2, pages)
  return { mayHold: (block) => mayHold[block] === 1, bytesRead: numbers.length * pageBytes }
}

/** By block 1 or 0. */
function blocksThatMayHold(question: FilterQuestion, bitsLog2: ReadonlyArray<number>, pages: ReadonlyMap<number, Buffer>): Uint8Array {
  const sizes = bitsLog2.map(sliceBytesOf)
  const offsets = sliceOffsets(sizes)
  const all = new Uint8Array(sizes.length).fill(1)
  for (const alternatives of question) {
    const any = new Uint8Array(sizes.length)
    for (const probe of alternatives) {
      const holds = all.slice()
      for (const hash of probe) keepSet(holds, hash, pages.get(hash >>> (32 - FILTER_PAGE_BITS))!, offsets, sizes)
      for (let block = 0; block < any.length; block++) any[block]! |= holds[block]!
    }
    all.set(any)
  }
  return all
}

function keepSet(holds: Uint8Array, hash: number, page: Buffer, offsets: ReadonlyArray<number>, sizes: ReadonlyArray<number>): void {
  const bit = 1 << (hash & 7)
  const at = hash >>> 3
  for (let block = 0; block < holds.length; block++) {
    if (holds[block] === 1 && (page[offsets[block]! + (at & (sizes[block]! - 1))]! & bit) === 0) holds[block] = 0
  }
}

function sliceOffsets(sizes: ReadonlyArray<number>): number[] {
  let offset = 0
  return sizes.map((size) => {
    const at = offset
    offset += size
    return at
  })
}
