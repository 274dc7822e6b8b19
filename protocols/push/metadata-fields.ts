/**
 * Structured metadata of a row, as fields of its entry in the push body: what validation must know of it, and the rewriting of what is not in
 * Loki's form. Names are looked at as bytes; only a row that must be rewritten makes strings.
 */
import { isUtf8 } from 'node:buffer'
import { writeMetadataPair } from './encode-protobuf.ts'
import type { ByteSink } from './encode-protobuf.ts'
import { normaliseName } from './normalise-name.ts'
import { WireReader } from './protobuf-wire.ts'

/** What `inspectMetadata` found; one object, reused. */
export interface MetadataFacts {
  pairCount: number
  /** Bytes of names and values. */
  bytes: number
  /** A name is not in normal form or a value is not UTF-8. */
  rewrite: boolean
}

const PAIR_TAG = 0x1a

/** Where the name and value of the pair last read lie. */
interface PairRange {
  nameFrom: number
  nameTo: number
  valueFrom: number
  valueTo: number
}
const pair: PairRange = { nameFrom: 0, nameTo: 0, valueFrom: 0, valueTo: 0 }

/** Reads the next pair of the range into `pair`; false at its end. Fields of other numbers are passed over. */
function nextPair(reader: WireReader): boolean {
  while (reader.at < reader.end) {
    const tag = reader.varint()
    if (tag !== PAIR_TAG) {
      reader.skip(tag, 'EntryAdapter')
      continue
    }
    const from = reader.lengthDelimited()
    readPair(reader, from, reader.at)
    return true
  }
  return false
}

function readPair(reader: WireReader, from: number, to: number): void {
  const { end } = reader
  reader.at = from
  reader.end = to
  pair.nameFrom = pair.nameTo = pair.valueFrom = pair.valueTo = 0
  while (reader.at < to) {
    const tag = reader.varint()
    if (tag === 0x0a) {
      pair.nameFrom = reader.lengthDelimited()
      pair.nameTo = reader.at
    } else if (tag === 0x12) {
      pair.valueFrom = reader.lengthDelimited()
      pair.valueTo = reader.at
    } else reader.skip(tag, 'LabelPairAdapter')
  }
  reader.end = end
}

/** Calls `each` with the pairs of a row's metadata range. For readers of stored pushes and for levels; makes strings. */
export function forEachPair(body: Buffer, from: number, to: number, each: (name: string, value: string) => void): void {
  const reader = new WireReader(body, from, to)
  while (nextPair(reader)) each(body.toString('utf8', pair.nameFrom, pair.nameTo), body.toString('utf8', pair.valueFrom, pair.valueTo))
}

/** Counts and checks a row's metadata. */
export function inspectMetadata(reader: WireReader, from: number, to: number, facts: MetadataFacts): void {
  facts.pairCount = 0
  facts.bytes = 0
  facts.rewrite = false
  reader.at = from
  reader.end = to
  while (nextPair(reader)) {
    facts.pairCount++
    facts.bytes += pair.nameTo - pair.nameFrom + pair.valueTo - pair.valueFrom
    if (!isNormalName(reader.bytes, pair.nameFrom, pair.nameTo) || !isCleanText(reader.bytes, pair.valueFrom, pair.valueTo)) facts.rewrite = true
  }
}

/** Letters, digits and single underscores, not beginning with a digit, not only underscores. */
function isNormalName(bytes: Buffer, from: number, to: number): boolean {
  let last = 0
  let letters = 0
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!
    const digit = byte >= 0x30 && byte <= 0x39
    if (byte === 0x5f) {
      if (last === 0x5f) return false
    } else if (digit ? i === from : !((byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a))) return false
    else letters++
    last = byte
  }
  return letters > 0
}

/** UTF-8 without the replacement character, which Loki takes for a broken rune. */
function isCleanText(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (bytes[i]! < 0x80) continue
    const value = bytes.subarray(from, to)
    return isUtf8(value) && !value.includes('\uFFFD')
  }
  return true
}

/** Writes a row's metadata anew: names normalised, broken runes in values as spaces. Throws `invalid_entries` for a name that has no normal form. */
export function rewriteMetadata(body: Buffer, from: number, to: number, sink: ByteSink): void {
  forEachPair(body, from, to, (name, value) => writeMetadataPair(sink, normaliseName(name), value.replaceAll('\uFFFD', ' ')))
}
