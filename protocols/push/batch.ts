/**
 * A decoded push: the value that goes from a push endpoint through the tenant and the WAL to the partition's owner.
 *
 * `body` is a Loki `PushRequest` protobuf message, decompressed, whatever form the push had (JSON and OTLP are transcoded to it), because
 * one canonical form means one walker, and a push that came as snappy protobuf can be logged as it came. The columns are offsets into `body`.
 */
import type { TenantId, TimeNs } from '../model.ts'

export interface PushStream {
  /** The label string as the client sent it, not yet parsed. */
  readonly labelsText: string
  /** Rows of the columns, `[rowFrom, rowTo)`, ascending in time within the stream. */
  readonly rowFrom: number
  readonly rowTo: number
  /** Where the stream's field (tag and length included) lies in `body`. */
  readonly byteFrom: number
  readonly byteTo: number
  /** Bounds of its rows relative to `baseNs`. */
  readonly minRelativeNs: number
  readonly maxRelativeNs: number
  /** Sum of line and structured metadata bytes. */
  readonly lineBytes: number
  readonly metadataBytes: number
}

/** Row `i`: time `baseNs + relativeNs[i]`, line `body[starts[i] .. +lengths[i])`, metadata fields `body[metadataStarts[i] .. metadataEnds[i])` (equal: none). */
export interface PushBatch {
  readonly body: Buffer
  readonly streams: ReadonlyArray<PushStream>
  readonly rowCount: number
  readonly baseNs: TimeNs
  readonly relativeNs: Float64Array
  readonly starts: Uint32Array
  readonly lengths: Uint32Array
  /** null when no row of the batch has structured metadata. */
  readonly metadataStarts: Uint32Array | null
  readonly metadataEnds: Uint32Array | null
}

/**
 * One push (or the part of one that went to a partition) inside a WAL record. `labels[k]` is the canonical label string of the k-th stream of
 * the body (after discovery of `service_name`, sorting, dropping empty values), so that replay needs no tenant configuration to know the streams.
 */
export interface WalItem {
  readonly tenant: TenantId
  /** A client's push id, or '' : an id that the partition has applied before is skipped. */
  readonly pushId: string
  /** When the gateway received it, Unix ms. */
  readonly receivedMs: number
  readonly labels: ReadonlyArray<string>
  /** Snappy-compressed `PushRequest`. */
  readonly compressedBody: Buffer
  /** Length of the body when decompressed. */
  readonly bodyBytes: number
}
