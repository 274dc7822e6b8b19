/**
 * The json operator's way through rows that are asked for one after the other: their fields were found ahead (`json-ahead.ts`). Used by the operator's quick way; a hot path.
 * What it leaves is walked as before.
 */
import type { EntryBlock, Labels, LineColumn } from '../../model.ts'
import { ENDED, HEAD_WORDS, LEFT, SLOT_WORDS, STOPPED, STRINGS_SHIFT } from '../json-wasm.ts'
import { decodeJsonPlain } from '../json-text.ts'
import { decodeUtf8, DETECTED_LEVEL, type LineState } from '../line-state.ts'
import type { NameEntry, NameTable } from '../name-table.ts'
import { JsonAhead } from './json-ahead.ts'
import { setField } from './json-field.ts'

/** Rows asked for in a row before it is worth to look ahead. */
const STREAK_MIN = 4

export class JsonBatch {
  readonly #ahead = new JsonAhead()
  #block: EntryBlock | null = null
  #lines: LineColumn | null = null
  #last = -2
  #streak = 0
  #stream: Labels | null = null
  #isFree = false

  /** True: the row's wanted fields are labels now. False: it is to be walked; nothing was set that the walk would not set. */
  take(state: LineState, names: NameTable): boolean {
    const { index, block } = state
    const ahead = this.#ahead
    if (block !== this.#block) this.#enter(block)
    this.#streak = index === this.#last + 1 ? this.#streak + 1 : 0
    this.#last = index
    if (index >= ahead.to || index < ahead.from) {
      if (this.#streak < STREAK_MIN) return false
      this.#lookAhead(state, names)
    }
    if (!ahead.found || state.buffer !== this.#lines?.bytes) return false
    const { words, wanted, shift } = ahead
    const at = (index - ahead.from) * ahead.stride
    const status = words[at]!
    if ((status & (ENDED | STOPPED)) === LEFT) return false
    const isFree = state.count === 0 && state.metadataCode() === -1 && this.#areFree(state, wanted)
    for (let slot = 0; slot < wanted.length; slot++) {
      const place = at + HEAD_WORDS + SLOT_WORDS * slot
      const start = words[place]!
      if (start === 0) continue
      const end = words[place + 1]!
      const decode = (status >> (STRINGS_SHIFT + slot)) & 1 ? decodeJsonPlain : decodeUtf8
      if (isFree) state.setBytes(wanted[slot]!.name, state.buffer, start + shift, end + shift, decode)
      else setField(state, wanted[slot]!, start + shift, end + shift, decode)
    }
    return (status & ENDED) !== 0 || state.hasAllRequired()
  }

  /** Nothing that the rows of this stream came with has the name of a wanted field. */
  #areFree(state: LineState, wanted: ReadonlyArray<NameEntry>): boolean {
    if (state.stream !== this.#stream) {
      this.#stream = state.stream
      const names = wanted.filter(({ name, required }) => required && name !== '' && name !== DETECTED_LEVEL && !state.hasBase(name)).map(({ name }) => name)
      this.#isFree = new Set(names).size === wanted.length
    }
    return this.#isFree
  }

  #enter(block: EntryBlock | null): void {
    this.#block = block
    this.#lines = null
    this.#ahead.forget()
    this.#last = -2
  }

  #lookAhead(state: LineState, names: NameTable): void {
    const lines = (this.#lines ??= this.#block?.lines() ?? null)
    this.#stream = null
    if (lines === null) this.#ahead.forget()
    else this.#ahead.look(lines, state.index, state.buffer === lines.bytes ? lines.starts.length : state.index + 1, names)
  }
}
