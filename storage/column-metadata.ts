/**
 * Structured metadata: from the protobuf fields of pushed entries to a dictionary of distinct label sets, and that dictionary as a column of a block.
 *
 * Head scans and the segment encoder collect with `MetadataDictionary`, block reading decodes. Rows are coded by their raw bytes first, so equal
 * fields are parsed once. Set 0 is always the empty one.
 */
import type { Labels, MetadataColumn } from '../protocols/model.ts'
import { forEachPair } from '../protocols/push/metadata-fields.ts'
import { ByteReader, ByteWriter } from './column-bytes.ts'
import { decodePlanes, encodePlanes } from './column-numbers.ts'

const EMPTY: Labels = []

export class MetadataDictionary {
  readonly sets: Labels[] = [EMPTY]
  readonly #codes = new Map<string, number>([['', 0]])

  /** The code of the set that the protobuf fields `bytes[from..to)` of an entry hold. */
  codeOf(bytes: Buffer, from: number, to: number): number {
    if (from === to) return 0
    const key = bytes.toString('latin1', from, to)
    const known = this.#codes.get(key)
    if (known !== undefined) return known
    const code = this.sets.push(parseMetadata(bytes, from, to)) - 1
    this.#codes.set(key, code)
    return code
  }
}

/** The pairs of an entry's metadata fields, sorted by name; of equal names the last counts. */
function parseMetadata(bytes: Buffer, from: number, to: number): Labels {
  const pairs: Array<readonly [string, string]> = []
  forEachPair(bytes, from, to, (name, value) => pairs.push([name, value]))
  for (let i = 1; i < pairs.length; i++) {
    if (pairs[i - 1]![0] >= pairs[i]![0]) return [...new Map(pairs)].sort(([a], [b]) => (a < b ? -1 : 1))
  }
  return pairs
}

/** names, values, shapes (lists of names), sets (shape and values), then the rows' codes in planes. Only sets that a row has are written. */
export function encodeMetadata(codes: Uint32Array, sets: ReadonlyArray<Labels>): Buffer {
  const used = new Dictionary<number>()
  const local = Uint32Array.from(codes, (code) => (code === 0 ? 0 : used.codeOf(code, code) + 1))
  const names = new Dictionary<string>()
  const values = new Dictionary<string>()
  const shapes = new Dictionary<Labels>()
  const body = new ByteWriter()
  for (const code of used.items) {
    const set = sets[code]!
    const shape = shapeOf(set)
    body.varint(shapes.codeOf(shape, set))
    for (const [, value] of set) body.varint(values.codeOf(value, value))
  }
  for (const shape of shapes.items) for (const [name] of shape) names.codeOf(name, name)
  const out = new ByteWriter(body.length + codes.length)
  writeTexts(out, names.items)
  writeTexts(out, values.items)
  out.varint(shapes.items.length)
  for (const shape of shapes.items) {
    out.varint(shape.length)
    for (const [name] of shape) out.varint(names.codeOf(name, name))
  }
  out.varint(used.items.length)
  out.bytes(body.view())
  out.bytes(encodePlanes(local))
  return out.view()
}

export function decodeMetadata(bytes: Buffer, rowCount: number, what: string): MetadataColumn {
  const input = new ByteReader(bytes, what)
  const names = readTexts(input)
  const values = readTexts(input)
  const shapes = Array.from({ length: input.count() }, () => Array.from({ length: input.count() }, () => names[input.below(names.length)]!))
  const sets: Labels[] = [EMPTY]
  for (let left = input.count(); left > 0; left--) {
    const shape = shapes[input.below(shapes.length)]!
    sets.push(shape.map((name) => [name, values[input.below(values.length)]!] as const))
  }
  const codes = decodePlanes(input.bytes(input.left), rowCount, what)
  for (let i = 0; i < rowCount; i++) if (codes[i]! >= sets.length) input.fail(`row ${i} has a set that is not there`)
  return { codes, sets }
}

/** The names of a set, as a key. */
function shapeOf(set: Labels): string {
  let shape = ''
  for (const [name] of set) shape += `${name}\0`
  return shape
}

class Dictionary<T> {
  readonly items: T[] = []
  readonly #codes = new Map<string | number, number>()

  codeOf(key: string | number, item: T): number {
    const known = this.#codes.get(key)
    if (known !== undefined) return known
    const code = this.items.push(item) - 1
    this.#codes.set(key, code)
    return code
  }
}

export function writeTexts(out: ByteWriter, texts: ReadonlyArray<string>): void {
  out.varint(texts.length)
  for (const text of texts) out.text(text)
}

export function readTexts(input: ByteReader): string[] {
  return Array.from({ length: input.count() }, () => input.text())
}
