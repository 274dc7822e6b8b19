/**
 * `detected_level` as a column: distinct values in order of first appearance, then a code a row. Derived once when a block is sealed, because
 * deriving it means parsing the line. Block encoding and decoding use it.
 */
import type { LevelColumn } from '../protocols/model.ts'
import { ByteReader, ByteWriter } from './column-bytes.ts'
import { readTexts, writeTexts } from './column-metadata.ts'
import { decodePlanes, encodePlanes } from './column-numbers.ts'

export function encodeLevels(codes: Uint16Array, values: ReadonlyArray<string>): Buffer {
  const out = new ByteWriter(codes.length + 64)
  writeTexts(out, values)
  out.bytes(encodePlanes(codes))
  return out.view()
}

export function decodeLevels(bytes: Buffer, rowCount: number, what: string): LevelColumn {
  const input = new ByteReader(bytes, what)
  const values = readTexts(input)
  const codes = new Uint16Array(decodePlanes(input.bytes(input.left), rowCount, what))
  for (let i = 0; i < rowCount; i++) if (codes[i]! >= values.length) input.fail(`row ${i} has a level that is not there`)
  return { codes, values }
}
