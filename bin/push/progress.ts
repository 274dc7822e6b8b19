/** Shows how far a push is: one line that is rewritten on a terminal, nothing elsewhere, and a summary at the end. */
import type { CommandIo } from '../command.ts'
import { readableBytes } from '../readable-bytes.ts'

const REDRAW_MS = 100

export class Progress {
  lines = 0
  bytes = 0
  refusedBatches = 0
  readonly #err: CommandIo['stderr']
  readonly #totalBytes: number | undefined
  readonly #startedMs = performance.now()
  readonly #hints = new Set<string>()
  #drawnMs = 0

  /** `totalBytes`: undefined when standard input is among the sources. */
  constructor(err: CommandIo['stderr'], totalBytes: number | undefined) {
    this.#err = err
    this.#totalBytes = totalBytes
  }

  done(lines: number, bytes: number): void {
    this.lines += lines
    this.bytes += bytes
    if (this.#err.isTTY !== true || performance.now() - this.#drawnMs < REDRAW_MS) return
    this.#drawnMs = performance.now()
    const total = this.#totalBytes === undefined ? '' : ` of ${readableBytes(this.#totalBytes)} (${Math.floor((100 * this.bytes) / Math.max(1, this.#totalBytes))}%)`
    this.#err.write(`\r\x1b[K${readableBytes(this.bytes)}${total}, ${this.lines} lines, ${this.#rate()}`)
  }

  /** A line of its own, above the progress. */
  note(text: string): void {
    this.#err.write(`${this.#err.isTTY === true ? '\r\x1b[K' : ''}skald: ${text}\n`)
  }

  /** Said once, at the end. */
  hint(text: string): void {
    this.#hints.add(text)
  }

  summary(pushId: string): void {
    for (const text of this.#hints) this.note(text)
    const refused = this.refusedBatches === 0 ? '' : `, ${this.refusedBatches} batches with refused entries`
    this.note(`pushed ${this.lines} lines, ${readableBytes(this.bytes)}, ${this.#rate()}${refused}; id ${pushId}`)
  }

  #rate(): string {
    return `${readableBytes(this.bytes / Math.max(0.001, (performance.now() - this.#startedMs) / 1000))}/s`
  }
}
