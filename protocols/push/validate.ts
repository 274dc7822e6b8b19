/**
 * Decides what of a push may be stored: labels, times, sizes and structured metadata against the tenant's limits, in Loki's order, with Loki's texts.
 *
 * The tenant actor keeps one validator for as long as its limits do not change. A push with nothing wrong passes untouched: per stream a look at
 * its bounds, per row a look at its length. Otherwise what is good is written to a new body (rule W3: one bad entry never costs a good one). Rates
 * are rate.ts, the number of streams is the partition's.
 */
import { SkaldError } from '../../runtime/errors.ts'
import { TextCache } from '../label-cache.ts'
import type { Limits } from '../limits.ts'
import type { TenantId } from '../model.ts'
import type { PushBatch, PushStream } from './batch.ts'
import { decodePushRequest } from './decode-protobuf.ts'
import { ByteSink, PushEncoder } from './encode-protobuf.ts'
import { inspectMetadata, rewriteMetadata } from './metadata-fields.ts'
import type { MetadataFacts } from './metadata-fields.ts'
import { WireReader } from './protobuf-wire.ts'
import { Refusals } from './refusals.ts'
import type { DiscardCount, DiscardReason } from './refusals.ts'
import { checkStream } from './stream-check.ts'
import type { CheckedStream } from './stream-check.ts'

export interface PushVerdict {
  /** What may be stored: the batch that was given, or a new one without what was refused; null when nothing is left. May hold streams without rows. */
  readonly batch: PushBatch | null
  /** `streams[k]` are the labels of `batch.streams[k]`. */
  readonly streams: ReadonlyArray<CheckedStream>
  /** What to answer instead of 204, after storing the rest. */
  readonly refusal: PushRefusal | null
  readonly discarded: ReadonlyMap<DiscardReason, DiscardCount>
  /** Lines cut to `max_line_size`. */
  readonly truncated: DiscardCount
}

export interface PushRefusal {
  readonly status: number
  readonly message: string
}

/** What a row needs, as found by the scan of its stream. */
type RowAction = 'keep' | 'refuse' | 'rewrite'

export class PushValidator {
  readonly #tenant: TenantId
  readonly #limits: Limits
  readonly #streams: TextCache<CheckedStream>
  readonly #blockedUntilMs: number

  constructor(tenant: TenantId, limits: Limits) {
    this.#tenant = tenant
    this.#limits = limits
    this.#streams = new TextCache((text) => checkStream(text, tenant, limits))
    this.#blockedUntilMs = limits.block_ingestion_until === '' ? -Infinity : Date.parse(limits.block_ingestion_until)
  }

  /** Throws `empty_push` for a push without streams and `malformed_body` for labels that do not parse: then nothing is stored. */
  validate(batch: PushBatch, nowMs: number): PushVerdict {
    if (batch.streams.length === 0) throw new SkaldError('empty_push', 'error at least one valid stream is required for ingestion')
    const checked = batch.streams.map((stream) => this.#streams.get(stream.labelsText))
    const pass = new ValidationPass(batch, checked, this.#limits, nowMs)
    pass.run()
    return nowMs < this.#blockedUntilMs ? this.#blocked(pass) : pass.verdict(checked)
  }

  /** Ingestion is blocked: nothing is stored, but what is wrong with the push outranks that. */
  #blocked(pass: ValidationPass): PushVerdict {
    const status = this.#limits.block_ingestion_status_code
    const until = new Date(this.#blockedUntilMs).toISOString().replace('.000Z', 'Z')
    const message = `ingestion blocked for user '${this.#tenant}' until '${until}' with status code '${status}'`
    pass.discardAccepted('blocked_ingestion')
    const refusal = pass.refusals.isEmpty ? (status === 200 ? null : { status, message }) : { status: 400, message: pass.refusals.text() }
    return { batch: null, streams: [], refusal, discarded: pass.refusals.discarded, truncated: NOTHING }
  }
}

const NOTHING: DiscardCount = { entryCount: 0, bytes: 0 }
const rfc3339 = (ms: number): string => new Date(Math.floor(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z')

/** One push on its way through the rules. */
class ValidationPass {
  readonly refusals = new Refusals()
  readonly #batch: PushBatch
  readonly #checked: ReadonlyArray<CheckedStream>
  readonly #limits: Limits
  readonly #nowMs: number
  /** Bounds of acceptable times, relative to the batch's base. */
  readonly #oldestNs: number
  readonly #newestNs: number
  readonly #lineBytesMax: number
  readonly #facts: MetadataFacts = { pairCount: 0, bytes: 0, rewrite: false }
  readonly #reader: WireReader
  /** Made when the first thing is wrong; until then every stream is taken as it is. */
  #encoder: PushEncoder | null = null
  #keptStreams: CheckedStream[] = []
  #keptRows = 0
  #keptBytes = 0
  #truncated: DiscardCount = NOTHING

  constructor(batch: PushBatch, checked: ReadonlyArray<CheckedStream>, limits: Limits, nowMs: number) {
    this.#batch = batch
    this.#checked = checked
    this.#limits = limits
    this.#nowMs = nowMs
    const baseMs = Number(batch.baseNs / 1_000_000n)
    this.#oldestNs = limits.reject_old_samples ? (nowMs - limits.reject_old_samples_max_age - baseMs) * 1e6 : -Infinity
    this.#newestNs = (nowMs + limits.creation_grace_period - baseMs) * 1e6
    this.#lineBytesMax = limits.max_line_size === 0 ? Infinity : limits.max_line_size
    this.#reader = new WireReader(batch.body)
  }

  run(): void {
    this.#batch.streams.forEach((stream, k) => {
      const rows = stream.rowTo - stream.rowFrom
      const { refusal } = this.#checked[k]!
      if (refusal !== null && rows > 0) {
        this.#startEncoder(k)
        this.refusals.add(refusal.reason, refusal.message, rows, bytesOf(stream))
      } else if (this.#isClean(stream)) this.#takeStream(k)
      else this.#takeRows(k)
    })
  }

  verdict(checked: ReadonlyArray<CheckedStream>): PushVerdict {
    const refusal = this.refusals.isEmpty ? null : { status: 400, message: this.refusals.text() }
    const common = { refusal, discarded: this.refusals.discarded, truncated: this.#truncated }
    if (this.#encoder === null) return { batch: this.#batch, streams: checked, ...common }
    if (this.#keptRows === 0) return { batch: null, streams: [], ...common }
    return { batch: decodePushRequest(this.#encoder.finish()), streams: this.#keptStreams, ...common }
  }

  discardAccepted(reason: DiscardReason): void {
    if (this.#keptRows > 0) this.refusals.discard(reason, this.#keptRows, this.#keptBytes)
  }

  /** Nothing of the stream is refused or changed. Rows are only counted over, without branches that depend on them. */
  #isClean(stream: PushStream): boolean {
    if (stream.rowTo === stream.rowFrom) return true
    if (stream.minRelativeNs < this.#oldestNs || stream.maxRelativeNs > this.#newestNs) return false
    if (stream.lineBytes > this.#lineBytesMax && longest(this.#batch.lengths, stream.rowFrom, stream.rowTo) > this.#lineBytesMax) return false
    return this.#batch.metadataStarts === null || this.#isMetadataClean(stream)
  }

  #isMetadataClean(stream: PushStream): boolean {
    for (let row = stream.rowFrom; row < stream.rowTo; row++) {
      if (this.#metadataAction(row) !== 'keep') return false
    }
    return true
  }

  #metadataAction(row: number): RowAction {
    const from = this.#batch.metadataStarts![row]!
    const to = this.#batch.metadataEnds![row]!
    if (from === to) return 'keep'
    if (!this.#limits.allow_structured_metadata) return 'refuse'
    inspectMetadata(this.#reader, from, to, this.#facts)
    const { max_structured_metadata_size: bytesMax, max_structured_metadata_entries_count: countMax } = this.#limits
    if ((bytesMax !== 0 && this.#facts.bytes > bytesMax) || (countMax !== 0 && this.#facts.pairCount > countMax)) return 'refuse'
    return this.#facts.rewrite ? 'rewrite' : 'keep'
  }

  #takeStream(k: number): void {
    const stream = this.#batch.streams[k]!
    this.#keptRows += stream.rowTo - stream.rowFrom
    this.#keptBytes += bytesOf(stream)
    if (this.#encoder === null || stream.rowFrom === stream.rowTo) return
    this.#encoder.streamField(this.#batch.body, stream.byteFrom, stream.byteTo)
    this.#keptStreams.push(this.#checked[k]!)
  }

  /** From stream `k` on the push is written anew; what came before was good. */
  #startEncoder(k: number): PushEncoder {
    if (this.#encoder !== null) return this.#encoder
    this.#encoder = new PushEncoder()
    this.#keptRows = 0
    this.#keptBytes = 0
    for (let before = 0; before < k; before++) this.#takeStream(before)
    return this.#encoder
  }

  #takeRows(k: number): void {
    const encoder = this.#startEncoder(k)
    const stream = this.#batch.streams[k]!
    for (let row = stream.rowFrom; row < stream.rowTo; row++) this.#takeRow(row, this.#checked[k]!, encoder)
    if (encoder.streamIsEmpty) return
    encoder.endStream(stream.labelsText)
    this.#keptStreams.push(this.#checked[k]!)
  }

  #takeRow(row: number, stream: CheckedStream, encoder: PushEncoder): void {
    if (this.#refuse(row, stream)) return
    const batch = this.#batch
    const metadata = this.#metadataOf(row, stream)
    if (metadata === null) return
    const line = this.#lineOf(row)
    const relative = batch.relativeNs[row]!
    const seconds = Math.floor(relative / 1e9)
    encoder.entry(Number(batch.baseNs / 1_000_000_000n) + seconds, relative - seconds * 1e9, line, 0, line.length, metadata, 0, metadata.length)
    this.#keptRows++
    this.#keptBytes += line.length + metadata.length
  }

  /** Loki's order: too old, too new, line too long, metadata not allowed, too large, too many. The first that applies is the one told. */
  #refuse(row: number, { labelsText }: CheckedStream): boolean {
    const batch = this.#batch
    const limits = this.#limits
    const relative = batch.relativeNs[row]!
    const lineBytes = batch.lengths[row]!
    const timeMs = (): number => Number(batch.baseNs / 1_000_000n) + Math.floor(relative / 1e6)
    if (relative < this.#oldestNs) {
      const oldest = rfc3339(this.#nowMs - limits.reject_old_samples_max_age)
      return this.#refuseRow(row, 'greater_than_max_sample_age', `entry for stream '${labelsText}' has timestamp too old: ${rfc3339(timeMs())}, oldest acceptable timestamp is: ${oldest}`)
    }
    if (relative > this.#newestNs) return this.#refuseRow(row, 'too_far_in_future', `entry for stream '${labelsText}' has timestamp too new: ${rfc3339(timeMs())}`)
    if (lineBytes > this.#lineBytesMax && !limits.max_line_size_truncate) {
      return this.#refuseRow(row, 'line_too_long', `max entry size '${limits.max_line_size}' bytes exceeded for stream '${labelsText}' while adding an entry with length '${lineBytes}' bytes`)
    }
    return batch.metadataStarts !== null && this.#metadataAction(row) === 'refuse' && this.#refuseMetadata(row, labelsText)
  }

  #refuseMetadata(row: number, text: string): boolean {
    const { max_structured_metadata_size: bytesMax, max_structured_metadata_entries_count: countMax } = this.#limits
    const see = (name: string, what: string): string => `Please see \`limits_config.${name}\` or contact your Loki administrator to ${what} it`
    if (!this.#limits.allow_structured_metadata) {
      return this.#refuseRow(row, 'disallowed_structured_metadata', `stream '${text}' includes structured metadata, but this feature is disallowed. ${see('allow_structured_metadata', 'enable')}`)
    }
    if (bytesMax !== 0 && this.#facts.bytes > bytesMax) {
      return this.#refuseRow(row, 'structured_metadata_too_large', `stream '${text}' has structured metadata too large: '${this.#facts.bytes}' bytes, limit: '${bytesMax}' bytes. ${see('max_structured_metadata_size', 'increase')}`)
    }
    return this.#refuseRow(row, 'structured_metadata_too_many', `stream '${text}' has too many structured metadata labels: '${this.#facts.pairCount}', limit: '${countMax}'. ${see('max_structured_metadata_entries_count', 'increase')}`)
  }

  #refuseRow(row: number, reason: DiscardReason, message: string): true {
    this.refusals.add(reason, message, 1, this.#batch.lengths[row]!)
    return true
  }

  /** The row's metadata fields as they are to be stored; null when a name has no normal form, which refuses the row. */
  #metadataOf(row: number, stream: CheckedStream): Buffer | null {
    const batch = this.#batch
    if (batch.metadataStarts === null) return EMPTY
    const from = batch.metadataStarts[row]!
    const to = batch.metadataEnds![row]!
    const sink = new ByteSink(to - from)
    try {
      rewriteMetadata(batch.body, from, to, sink)
    } catch (error) {
      if (!(error instanceof SkaldError)) throw error
      this.refusals.add('invalid_labels', error.message, 1, batch.lengths[row]! + stream.labelsText.length)
      return null
    }
    return sink.view()
  }

  /** The row's line, cut where it is too long (then cutting is on: otherwise it was refused). */
  #lineOf(row: number): Buffer {
    const { body, starts, lengths } = this.#batch
    const line = body.subarray(starts[row]!, starts[row]! + lengths[row]!)
    if (line.length <= this.#lineBytesMax) return line
    const identifier = Buffer.from(this.#limits.max_line_size_truncate_identifier)
    const cut = Buffer.concat([line.subarray(0, Math.max(0, this.#lineBytesMax - identifier.length)), identifier]).subarray(0, this.#lineBytesMax)
    this.#truncated = { entryCount: this.#truncated.entryCount + 1, bytes: this.#truncated.bytes + line.length - cut.length }
    return cut
  }
}

const EMPTY = Buffer.alloc(0)
const bytesOf = (stream: PushStream): number => stream.lineBytes + stream.metadataBytes

/** Hot: the longest of a stream's lines. */
function longest(lengths: Uint32Array, from: number, to: number): number {
  let max = 0
  for (let i = from; i < to; i++) if (lengths[i]! > max) max = lengths[i]!
  return max
}
