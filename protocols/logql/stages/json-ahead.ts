/**
 * Fields of JSON lines found ahead: the kernel (`json-wasm.ts`) looks at the next hundreds of lines of a block in one go, by the order of keys that the lines before had. Read row by
 * row by the json operator (`json-batch.ts`), and by columns where a scan needs no more (`scan-json.ts`).
 */
import type { LineColumn } from '../../model.ts'
import { BATCH_BYTES_MAX, BATCH_ROWS_MAX, foundIn, foundWords, type JsonKernel, jsonKernel, LINES_AT, putRow, putToken, SLOTS_MAX } from '../json-wasm.ts'
import type { NameEntry, NameTable } from '../name-table.ts'
import { isWanted } from './json-field.ts'

/** Fewer lines that lie together are walked one by one. */
const ROWS_MIN = 8

export class JsonAhead {
  /** Rows `[from, to)` were looked at, or (not `found`) are not worth it. */
  from = 0
  to = 0
  found = false
  /** From a place in the kernel's memory to the same in the lines. */
  shift = 0
  /** What the slots of a row hold. */
  wanted: ReadonlyArray<NameEntry> = []
  /** What was found, `stride` words a row; the kernel's memory is every pipeline's of the thread. */
  words = new Uint32Array(0)
  stride = 0
  /** The place of the last wanted key in the order of keys. */
  #stop = 0
  #kernel: JsonKernel | null = null

  /** Another block comes. */
  forget(): void {
    this.from = this.to = 0
    this.found = false
  }

  /** Rows from `from` on, not beyond `end`: whether anything can be said of them. */
  look(lines: LineColumn, from: number, end: number, names: NameTable): boolean {
    this.from = from
    this.to = endOfStretch(lines, from, end)
    const count = this.to - from
    return (this.found = count >= ROWS_MIN && this.#run(lines, count, names))
  }

  #run({ bytes, starts, lengths }: LineColumn, count: number, names: NameTable): boolean {
    const kernel = (this.#kernel ??= jsonKernel())
    const keys = this.#putKeys(kernel, names)
    if (keys === 0) return false
    const first = starts[this.from]!
    bytes.copy(kernel.bytes, LINES_AT, first, starts[this.to - 1]! + lengths[this.to - 1]!)
    for (let row = 0; row < count; row++) {
      const from = starts[this.from + row]! - first
      putRow(kernel, row, from, from + lengths[this.from + row]!)
    }
    this.stride = foundWords(this.wanted.length)
    kernel.run(count, keys, this.#stop, this.stride * 4)
    this.shift = first - LINES_AT
    if (this.words.length < count * this.stride) this.words = new Uint32Array(BATCH_ROWS_MAX * this.stride)
    this.words.set(foundIn(kernel, count, this.wanted.length))
    return true
  }

  /** The keys in the order in which lines had them last; how many, 0: they do not fit, or none is wanted. */
  #putKeys(kernel: JsonKernel, names: NameTable): number {
    const seen = new Set<NameEntry>()
    const wanted: NameEntry[] = []
    for (let entry = names.first; entry !== null && !seen.has(entry); entry = entry.next) {
      const isSlot = isWanted(entry)
      if (!putToken(kernel, seen.size, entry.key, isSlot ? wanted.length : -1)) break
      if (isSlot && wanted.push(entry) > SLOTS_MAX) return 0
      if (isSlot) this.#stop = seen.size
      seen.add(entry)
    }
    this.wanted = wanted
    return wanted.length === 0 ? 0 : seen.size
  }
}

/** Behind the last of the rows from `first` on that lie one after the other, as many as the kernel takes. */
function endOfStretch({ starts, lengths }: LineColumn, first: number, rowsEnd: number): number {
  const begin = starts[first]!
  let end = begin + lengths[first]!
  if (end - begin > BATCH_BYTES_MAX) return first + 1
  let row = first + 1
  for (; row < rowsEnd && row - first < BATCH_ROWS_MAX && starts[row] === end && end + lengths[row]! - begin <= BATCH_BYTES_MAX; row++) end += lengths[row]!
  return row
}
