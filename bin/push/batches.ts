/**
 * Cuts a file into push batches: `PushRequest` protobuf, snappy, about a megabyte of lines each. The same bytes give the same batches under the same ids, so that a push that is run
 * again with its id stores nothing twice. Used by `commands/push.ts`; it sends nothing.
 */
import snappy from 'snappy'
import { PushEncoder } from '../../protocols/push/encode-protobuf.ts'
import { type LineTime, lineTime } from './line-time.ts'

const BATCH_BYTES_TARGET = 1 << 20
const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d
/** A line longer than this is cut: no store takes it, and memory must stay bounded. */
const LINE_BYTES_MAX = 16 << 20

export interface BatchSource {
  /** Part of every id; the file as it was named. */
  readonly name: string
  readonly parts: AsyncIterable<Buffer>
  /** Of lines without a time of their own: this plus their index in nanoseconds. */
  readonly baseMs: number
  readonly timesFromLines: boolean
}

export interface Batch {
  /** `<push id>/<file>/<first byte>-<end>`. The end is in it because the last batch of a file that has grown is another batch. */
  readonly id: string
  readonly body: Buffer
  readonly lineCount: number
  /** Bytes of the file that it stands for. */
  readonly fileBytes: number
}

export async function* batchesOf(source: BatchSource, labelsText: string, pushId: string): AsyncGenerator<Batch> {
  const builder = new BatchBuilder(source, labelsText, `${pushId}/${encodeURI(source.name)}`)
  let rest: Buffer = Buffer.alloc(0)
  for await (const part of source.parts) {
    const bytes = rest.length === 0 ? part : Buffer.concat([rest, part])
    let from = 0
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, from)) {
      builder.line(bytes, from, end, end + 1 - from)
      from = end + 1
      if (builder.isFull) yield builder.cut()
    }
    rest = bytes.subarray(from)
    if (rest.length > LINE_BYTES_MAX) {
      builder.line(rest, 0, rest.length, rest.length)
      rest = Buffer.alloc(0)
    }
  }
  if (rest.length > 0) builder.line(rest, 0, rest.length, rest.length)
  if (!builder.isEmpty) yield builder.cut()
}

class BatchBuilder {
  readonly #source: BatchSource
  readonly #labelsText: string
  readonly #idPrefix: string
  #encoder = new PushEncoder()
  #lineCount = 0
  /** Of the whole file. */
  #lineIndex = 0
  #fromByte = 0
  #fileBytes = 0
  #lastTime: LineTime | null = null

  constructor(source: BatchSource, labelsText: string, idPrefix: string) {
    this.#source = source
    this.#labelsText = labelsText
    this.#idPrefix = idPrefix
  }

  get isFull(): boolean {
    return this.#fileBytes >= BATCH_BYTES_TARGET
  }

  get isEmpty(): boolean {
    return this.#fileBytes === 0
  }

  /** `fileBytes` counts the line's end too. Empty lines are left out. */
  line(bytes: Buffer, from: number, to: number, fileBytes: number): void {
    const end = to > from && bytes[to - 1] === CARRIAGE_RETURN ? to - 1 : to
    if (end > from) {
      const { seconds, nanos } = this.#timeOf(bytes, from, end)
      this.#encoder.entry(seconds, nanos, bytes, from, end, null, 0, 0)
      this.#lineCount++
    }
    this.#lineIndex++
    this.#fileBytes += fileBytes
  }

  cut(): Batch {
    this.#encoder.endStream(this.#labelsText)
    const toByte = this.#fromByte + this.#fileBytes
    const batch = { id: `${this.#idPrefix}/${this.#fromByte}-${toByte}`, body: snappy.compressSync(this.#encoder.finish()), lineCount: this.#lineCount, fileBytes: this.#fileBytes }
    this.#encoder = new PushEncoder()
    this.#lineCount = 0
    this.#fromByte = toByte
    this.#fileBytes = 0
    return batch
  }

  /** A line without a time of its own follows the one before it (a stack trace), a nanosecond later. */
  #timeOf(bytes: Buffer, from: number, to: number): LineTime {
    const own = this.#source.timesFromLines ? lineTime(bytes, from, to, this.#source.baseMs) : null
    const time = own ?? (this.#lastTime === null ? this.#byIndex() : nanosecondAfter(this.#lastTime))
    if (this.#source.timesFromLines && (own !== null || this.#lastTime !== null)) this.#lastTime = time
    return time
  }

  #byIndex(): LineTime {
    const wholeMs = Math.floor(this.#source.baseMs)
    const nanos = (wholeMs % 1000) * 1e6 + this.#lineIndex
    return { seconds: Math.floor(wholeMs / 1000) + Math.floor(nanos / 1e9), nanos: nanos % 1e9 }
  }
}

function nanosecondAfter({ seconds, nanos }: LineTime): LineTime {
  return nanos === 999_999_999 ? { seconds: seconds + 1, nanos: 0 } : { seconds, nanos: nanos + 1 }
}
