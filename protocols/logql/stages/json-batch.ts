/**
 * Fields of JSON lines found ahead, for rows of a block that are asked for one after the other: the kernel (`json-wasm.ts`) looks at the next hundreds of lines
 * in one go, by the order of keys that the lines before had. Used by the json operator's quick way; a hot path. What it leaves is walked as before.
 */
import type { EntryBlock, Labels, LineColumn } from '../../model.ts'
import { BATCH_BYTES_MAX, BATCH_ROWS_MAX, ENDED, FOUND_WORDS, foundAt, type JsonKernel, jsonKernel, LEFT, LINES_AT, putRow, putToken, SLOTS_MAX, STRINGS_SHIFT } from '../json-wasm.ts'
import { decodeJsonPlain } from '../json-text.ts'
import { decodeUtf8, DETECTED_LEVEL, type LineState } from '../line-state.ts'
import type { NameEntry, NameTable } from '../name-table.ts'
import { isWanted, setField } from './json-field.ts'

/** Rows asked for in a row before it is worth to look ahead. */
const STREAK_MIN = 4
/** Fewer lines that lie together are walked one by one. */
const ROWS_MIN = 8

export class JsonBatch {
  #kernel: JsonKernel | null = null
  #block: EntryBlock | null = null
  #lines: LineColumn | null = null
  /** Rows `[from, to)` were looked at, or (not `found`) are not worth it. */
  #from = 0
  #to = 0
  #found = false
  /** From a place in the kernel's memory to the same in the lines. */
  #shift = 0
  #wanted: NameEntry[] = []
  /** The place of the last of them in the order of keys. */
  #stop = 0
  /** What was found; the kernel's memory is every pipeline's of the thread. */
  #words = new Uint32Array(0)
  #last = -2
  #streak = 0
  #stream: Labels | null = null
  #isFree = false

  /** True: the row's wanted fields are labels now. False: it is to be walked; nothing was set that the walk would not set. */
  take(state: LineState, names: NameTable): boolean {
    const { index, block } = state
    if (block !== this.#block) this.#enter(block)
    this.#streak = index === this.#last + 1 ? this.#streak + 1 : 0
    this.#last = index
    if (index >= this.#to || index < this.#from) {
      if (this.#streak < STREAK_MIN) return false
      this.#lookAhead(state, names)
    }
    if (!this.#found || state.buffer !== this.#lines?.bytes) return false
    const words = this.#words
    const at = (index - this.#from) * FOUND_WORDS
    const status = words[at]!
    if ((status & (ENDED | 1)) === LEFT) return false
    const wanted = this.#wanted
    const shift = this.#shift
    const isFree = state.count === 0 && state.metadataCode() === -1 && this.#areFree(state)
    for (let slot = 0; slot < wanted.length; slot++) {
      const start = words[at + 2 + 2 * slot]!
      if (start === 0) continue
      const end = words[at + 3 + 2 * slot]!
      const decode = (status >> (STRINGS_SHIFT + slot)) & 1 ? decodeJsonPlain : decodeUtf8
      if (isFree) state.setBytes(wanted[slot]!.name, state.buffer, start + shift, end + shift, decode)
      else setField(state, wanted[slot]!, start + shift, end + shift, decode)
    }
    return (status & ENDED) !== 0 || state.hasAllRequired()
  }

  /** Nothing that the rows of this stream came with has the name of a wanted field. */
  #areFree(state: LineState): boolean {
    if (state.stream !== this.#stream) {
      this.#stream = state.stream
      const names = this.#wanted.filter(({ name, required }) => required && name !== '' && name !== DETECTED_LEVEL && !state.hasBase(name)).map(({ name }) => name)
      this.#isFree = new Set(names).size === this.#wanted.length
    }
    return this.#isFree
  }

  #enter(block: EntryBlock | null): void {
    this.#block = block
    this.#lines = null
    this.#from = this.#to = 0
    this.#found = false
    this.#last = -2
  }

  #lookAhead(state: LineState, names: NameTable): void {
    const lines = (this.#lines ??= this.#block?.lines() ?? null)
    this.#from = state.index
    this.#to = lines === null || state.buffer !== lines.bytes ? state.index + 1 : endOfStretch(lines, state.index)
    const count = this.#to - this.#from
    this.#found = lines !== null && count >= ROWS_MIN && this.#run(lines, count, names)
  }

  #run({ bytes, starts, lengths }: LineColumn, count: number, names: NameTable): boolean {
    const kernel = (this.#kernel ??= jsonKernel())
    const keys = this.#putKeys(kernel, names)
    if (keys === 0) return false
    const first = starts[this.#from]!
    bytes.copy(kernel.bytes, LINES_AT, first, starts[this.#to - 1]! + lengths[this.#to - 1]!)
    for (let row = 0; row < count; row++) {
      const from = starts[this.#from + row]! - first
      putRow(kernel, row, from, from + lengths[this.#from + row]!)
    }
    kernel.run(count, keys, this.#stop)
    this.#shift = first - LINES_AT
    if (this.#words.length === 0) this.#words = new Uint32Array(BATCH_ROWS_MAX * FOUND_WORDS)
    this.#words.set(kernel.words.subarray(foundAt(0), foundAt(count)))
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
    this.#wanted = wanted
    this.#stream = null
    return wanted.length === 0 ? 0 : seen.size
  }
}

/** Behind the last of the rows from `first` on that lie one after the other, as many as the kernel takes. */
function endOfStretch({ starts, lengths }: LineColumn, first: number): number {
  const begin = starts[first]!
  let end = begin + lengths[first]!
  if (end - begin > BATCH_BYTES_MAX) return first + 1
  let row = first + 1
  for (; row < starts.length && row - first < BATCH_ROWS_MAX && starts[row] === end && end + lengths[row]! - begin <= BATCH_BYTES_MAX; row++) end += lengths[row]!
  return row
}
