/**
 * Cuts a large push into parts that fit WAL records, by streams and, where one stream is too large, by rows. Used by the tenant; most pushes are
 * below the bound and pass untouched. Every part is a push of its own with the same rows in the same order.
 */
import type { PushBatch, PushStream } from './batch.ts'
import { decodePushRequest } from './decode-protobuf.ts'
import { encodeStreams, PushEncoder } from './encode-protobuf.ts'

/** `rows` of a stream, or null for all of it. */
interface Piece {
  readonly stream: number
  readonly rows: { readonly from: number; readonly to: number } | null
}

/** Parts of at most about `bytesMax` of body each; a single entry is never cut. `streams[i]` are the indices, in `batch`, of the streams of part i. */
export function splitBatch(batch: PushBatch, bytesMax: number): Array<{ readonly batch: PushBatch; readonly streams: ReadonlyArray<number> }> {
  if (batch.body.length <= bytesMax) return [{ batch, streams: batch.streams.map((_, k) => k) }]
  return groups(batch, bytesMax).map((pieces) => ({ batch: decodePushRequest(encodePieces(batch, pieces)), streams: pieces.map((p) => p.stream) }))
}

function groups(batch: PushBatch, bytesMax: number): Piece[][] {
  const all: Piece[][] = [[]]
  let bytes = 0
  const add = (piece: Piece, pieceBytes: number): void => {
    if (bytes + pieceBytes > bytesMax && bytes > 0) {
      all.push([])
      bytes = 0
    }
    all.at(-1)!.push(piece)
    bytes += pieceBytes
  }
  batch.streams.forEach((stream, k) => {
    const streamBytes = stream.byteTo - stream.byteFrom
    if (streamBytes <= bytesMax) add({ stream: k, rows: null }, streamBytes)
    else for (const { from, to, pieceBytes } of rowRanges(batch, stream, bytesMax)) add({ stream: k, rows: { from, to } }, pieceBytes)
  })
  return all
}

/** An entry's bytes besides line and metadata: tags, lengths, timestamp. */
const ENTRY_OVERHEAD_BYTES = 32

function rowRanges(batch: PushBatch, stream: PushStream, bytesMax: number): Array<{ from: number; to: number; pieceBytes: number }> {
  const ranges: Array<{ from: number; to: number; pieceBytes: number }> = []
  for (let row = stream.rowFrom; row < stream.rowTo; row++) {
    const metadataBytes = batch.metadataStarts === null ? 0 : batch.metadataEnds![row]! - batch.metadataStarts[row]!
    const entryBytes = batch.lengths[row]! + metadataBytes + ENTRY_OVERHEAD_BYTES
    const last = ranges.at(-1)
    if (last !== undefined && last.pieceBytes + entryBytes <= bytesMax) {
      last.to = row + 1
      last.pieceBytes += entryBytes
    } else ranges.push({ from: row, to: row + 1, pieceBytes: entryBytes })
  }
  return ranges
}

function encodePieces(batch: PushBatch, pieces: ReadonlyArray<Piece>): Buffer {
  if (pieces.every((piece) => piece.rows === null)) return encodeStreams(batch, pieces.map((piece) => piece.stream))
  const encoder = new PushEncoder()
  for (const { stream: k, rows } of pieces) {
    const stream = batch.streams[k]!
    if (rows === null) encoder.streamField(batch.body, stream.byteFrom, stream.byteTo)
    else {
      for (let row = rows.from; row < rows.to; row++) encoder.row(batch, row)
      encoder.endStream(stream.labelsText)
    }
  }
  return encoder.finish()
}
