/**
 * Columns of numbers: times, line lengths, codes. Each is turned into bytes that compress well; the chosen chunk encoding does the rest.
 *
 * Block encoding and decoding use it. Times: differences from row to row, or differences of those, divided by a common unit. Others: fixed width,
 * one byte plane after the other, because low bytes vary and high bytes hardly do.
 */
import { ByteReader, ByteWriter } from './column-bytes.ts'

/** Times of a block stay below this, so that differences of differences, sign included, are exact in doubles (13 days). */
export const BLOCK_SPAN_NS_MAX = 2 ** 50

const DELTAS = 0
const DELTAS_OF_DELTAS = 1
/** Nanoseconds of the units that sources stamp in. */
const UNITS_NS = [1e9, 1e6, 1e3, 1]

/** `relativeNs` are the rows' nanoseconds after the block's base, each in [0, BLOCK_SPAN_NS_MAX). */
export function encodeTimes(relativeNs: Float64Array): Buffer {
  const unit = UNITS_NS.find((u) => divides(u, relativeNs))!
  let deltas = 0
  let second = 0
  for (let i = 2; i < relativeNs.length; i++) {
    const delta = relativeNs[i]! - relativeNs[i - 1]!
    deltas += Math.abs(delta) > 63 * unit ? Math.abs(delta) > 8191 * unit ? 3 : 2 : 1
    const change = Math.abs(delta - (relativeNs[i - 1]! - relativeNs[i - 2]!))
    second += change > 63 * unit ? (change > 8191 * unit ? 3 : 2) : 1
  }
  const mode = second < deltas ? DELTAS_OF_DELTAS : DELTAS
  const out = new ByteWriter(relativeNs.length * 4 + 16)
  out.u8(mode)
  out.varint(unit)
  let previous = 0
  let delta = 0
  for (let i = 0; i < relativeNs.length; i++) {
    const now = relativeNs[i]! / unit
    out.signed(mode === DELTAS ? now - previous : now - previous - delta)
    delta = now - previous
    previous = now
  }
  return out.view()
}

/** Hot: a count over time reads nothing else. Numbers of up to four bytes, nearly all, are taken as small integers. */
export function decodeTimes(bytes: Buffer, rowCount: number, what: string): Float64Array {
  const input = new ByteReader(bytes, what)
  const mode = input.u8()
  if (mode > DELTAS_OF_DELTAS) input.fail(`unknown time coding ${mode}`)
  const unit = input.varint()
  const relativeNs = new Float64Array(rowCount)
  const shortEnd = bytes.length - SHORT_BYTES
  let at = input.offset
  let now = 0
  let delta = 0
  for (let i = 0; i < rowCount; i++) {
    let coded = -1
    if (at <= shortEnd) {
      let byte = bytes[at]!
      let value = byte & 127
      let size = 1
      for (; byte > 127 && size < SHORT_BYTES; size++) {
        byte = bytes[at + size]!
        value |= (byte & 127) << (7 * size)
      }
      if (byte < 128) {
        coded = value
        at += size
      }
    }
    let change = (coded >>> 1) ^ -(coded & 1)
    if (coded === -1) {
      input.offset = at
      change = input.signed()
      at = input.offset
    }
    delta = mode === DELTAS ? change : delta + change
    now += delta
    relativeNs[i] = now * unit
  }
  input.offset = at
  input.end()
  return relativeNs
}

/** Varints of up to this many bytes fit 28 bits. */
const SHORT_BYTES = 4

function divides(unit: number, values: Float64Array): boolean {
  if (unit === 1) return true
  for (let i = 0; i < values.length; i++) if (values[i]! % unit !== 0) return false
  return true
}

/** Width byte (0: all zero), then that many planes of one byte a row, lowest first. */
export function encodePlanes(values: Uint32Array | Uint16Array): Buffer {
  const rows = values.length
  let all = 0
  for (let i = 0; i < rows; i++) all |= values[i]!
  const width = all === 0 ? 0 : 4 - (Math.clz32(all) >>> 3)
  const out = Buffer.allocUnsafe(1 + width * rows)
  out[0] = width
  for (let plane = 0; plane < width; plane++) {
    const at = 1 + plane * rows
    for (let i = 0; i < rows; i++) out[at + i] = (values[i]! >>> (8 * plane)) & 255
  }
  return out
}

export function decodePlanes(bytes: Buffer, rowCount: number, what: string): Uint32Array {
  const width = bytes[0] ?? 0
  if (width > 4 || bytes.length !== 1 + width * rowCount) new ByteReader(bytes, what).fail(`is not ${rowCount} numbers of ${width} bytes`)
  const values = new Uint32Array(rowCount)
  if (width > 0) for (let i = 0; i < rowCount; i++) values[i] = bytes[1 + i]!
  for (let plane = 1; plane < width; plane++) {
    const at = 1 + plane * rowCount
    const shift = 8 * plane
    for (let i = 0; i < rowCount; i++) values[i] = values[i]! | (bytes[at + i]! << shift)
  }
  return values
}
