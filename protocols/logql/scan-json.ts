/**
 * Samples of JSON lines by columns, for plans that parse JSON, filter by labels and keep a few of them: fields come from the kernel for hundreds of lines at a time. What becomes of a
 * line (its series, or that a filter drops it) depends on the values of a few names, so the pipeline is asked once for each combination; lines that are not plain are the
 * pipeline's. Used by the metric scan; a hot path.
 */
import type { EntryBlock, Labels, LineColumn, StreamRun } from '../model.ts'
import { CodeTrie } from './code-trie.ts'
import { plainDecimal } from './go-values.ts'
import { hintsOf } from './hints.ts'
import { ENDED, HEAD_WORDS, LEFT, SLOT_WORDS, STOPPED } from './json-wasm.ts'
import { labelModeOf } from './label-mode.ts'
import { DETECTED_LEVEL, DUPLICATE_SUFFIX } from './line-state.ts'
import type { MetricStates } from './metric-states.ts'
import type { NameTable } from './name-table.ts'
import type { Pipeline } from './pipeline.ts'
import { checkInterruption } from './regex.ts'
import type { MetricScanPlan } from './scan.ts'
import { ShortCodes } from './short-codes.ts'
import { JsonAhead } from './stages/json-ahead.ts'
import { type BlockSlots, slotOfTime } from './window-slots.ts'

/** Beyond so many combinations of values it costs more to remember than to ask. */
const COMBINATIONS_MAX = 20_000
/** Rows in a row that are left to the pipeline: the more the seldomer lines are plain. */
const LEFT_ROWS_MIN = 4
const LEFT_ROWS_MAX = 8192

const ABSENT = 0
/** What becomes of a row: not known yet, it does not pass; else the number of its series plus one. */
export const UNKNOWN = 0
export const DROPPED = -1

/** null: the plan needs more than this can see. */
export function jsonSamples(plan: MetricScanPlan, metric: MetricStates, pipeline: Pipeline): JsonSamples | null {
  const { stages, unwrap } = plan
  if (pipeline.jsonNames === null || !stages.slice(1).every(({ kind }) => kind === 'labelFilter')) return null
  if (unwrap !== null && (unwrap.conversion !== 'none' || unwrap.filters.length > 0)) return null
  const mode = labelModeOf(plan)
  const { required } = hintsOf(stages, unwrap, mode)
  const keys = hintsOf(stages, null, mode).required
  if (required === null || keys === null || required.size === 0) return null
  if (required.has(DETECTED_LEVEL) || [...required].some((name) => name.endsWith(DUPLICATE_SUFFIX))) return null
  return new JsonSamples(metric, pipeline.jsonNames, { required: [...required], keys: [...keys], unwrapped: unwrap?.name ?? null })
}

interface Wanted {
  readonly required: ReadonlyArray<string>
  /** Names whose values decide what becomes of a row. */
  readonly keys: ReadonlyArray<string>
  readonly unwrapped: string | null
}

export class JsonSamples {
  /** Of rows that did not go through the pipeline, which counts its own. */
  readonly stats = { rows: 0, bytes: 0, passed: 0 }
  readonly #metric: MetricStates
  readonly #names: NameTable
  readonly #wanted: Wanted
  readonly #ahead = new JsonAhead()
  readonly #values: ReadonlyArray<ShortCodes>
  readonly #trie = new CodeTrie()
  /** By node of the trie. */
  #outcomes = new Int32Array(64)
  /** Of the row that was left because nothing is known of its values; -1: it was left for another reason. */
  #asked = -1
  #leave = LEFT_ROWS_MIN

  // ---- of the block and run at hand
  #block: EntryBlock | null = null
  #lines: LineColumn | null = null
  #stream: Labels | null = null
  /** The code that each key has by the stream alone. */
  readonly #baseCodes: Int32Array
  // ---- of the stretch looked at: the places in a row's words by key, of all required names, of the unwrapped one; -1: no line has it
  readonly #keyPlaces: Int32Array
  #requiredPlaces = new Int32Array(0)
  #samplePlace = -1

  constructor(metric: MetricStates, names: NameTable, wanted: Wanted) {
    this.#metric = metric
    this.#names = names
    this.#wanted = wanted
    this.#values = wanted.keys.map(() => new ShortCodes())
    this.#baseCodes = new Int32Array(wanted.keys.length)
    this.#keyPlaces = new Int32Array(wanted.keys.length)
  }

  /** Takes rows of the run from `from` on, of which no other run has any, all inside the window's edges, up to the first that the pipeline has to see; returns that row. */
  take(block: EntryBlock, run: StreamRun, from: number, to: number, window: BlockSlots, shiftNs: number): number {
    this.#asked = -1
    if (this.#trie.size > COMBINATIONS_MAX || block.metadata() !== null) return from
    if (block !== this.#block) this.#enterBlock(block)
    if (run.labels !== this.#stream) this.#enterStream(run.labels)
    let row = from
    for (let end = from; row === end && row < to; ) {
      if (!this.#ahead.found || row < this.#ahead.from || row >= this.#ahead.to) this.#look(row, to)
      if (!this.#ahead.found) break
      checkInterruption()
      end = Math.min(to, this.#ahead.to)
      row = this.#takeStretch(block, row, end, window, shiftNs)
    }
    if (this.#asked === -1) this.#leave = row - from >= this.#leave ? LEFT_ROWS_MIN : Math.min(LEFT_ROWS_MAX, this.#leave * 2)
    return row
  }

  /** So many rows are the pipeline's before it is worth to try again. */
  get leave(): number {
    return this.#asked === -1 ? this.#leave : 1
  }

  /** What the pipeline said of the row that `take` left. */
  learn(outcome: number): void {
    if (this.#asked !== -1) this.#outcomes[this.#asked] = outcome
  }

  #enterBlock(block: EntryBlock): void {
    this.#block = block
    this.#lines = block.lines()
    this.#ahead.forget()
  }

  #enterStream(labels: Labels): void {
    this.#stream = labels
    for (const [i, key] of this.#wanted.keys.entries()) {
      const value = labels.find(([name]) => name === key)?.[1]
      this.#baseCodes[i] = value === undefined ? ABSENT : 1 + this.#values[i]!.codeOfText(value)
    }
  }

  #look(row: number, end: number): void {
    const ahead = this.#ahead
    if (!ahead.look(this.#lines!, row, end, this.#names)) return
    const { keys, required, unwrapped } = this.#wanted
    const inStream = new Set(this.#stream!.map(([name]) => name))
    const names = ahead.wanted.map(({ name }) => name)
    const placeOf = (name: string): number => (inStream.has(name) || !names.includes(name) ? -1 : HEAD_WORDS + SLOT_WORDS * names.indexOf(name))
    for (const [i, key] of keys.entries()) this.#keyPlaces[i] = placeOf(key)
    this.#requiredPlaces = Int32Array.from(required, placeOf)
    this.#samplePlace = unwrapped === null ? -1 : placeOf(unwrapped)
    const areDistinct = new Set(names).size === names.length && !ahead.wanted.some(({ duplicateRequired }) => duplicateRequired)
    ahead.found = areDistinct && (unwrapped === null || !inStream.has(unwrapped))
  }

  #takeStretch(block: EntryBlock, from: number, to: number, { edges, firstSlot }: BlockSlots, shiftNs: number): number {
    const { states, slots: { used }, operator: { source } } = this.#metric
    const { words, stride, shift, from: first } = this.#ahead
    const { bytes } = this.#lines!
    const isSampled = this.#wanted.unwrapped !== null
    const samplePlace = this.#samplePlace
    const times = block.relativeNs()
    const lengths = block.lengths()
    let cursor = 0
    let lineBytes = 0
    let passed = 0
    let row = from
    for (; row < to; row++) {
      const at = (row - first) * stride
      const status = words[at]!
      if ((status & (ENDED | STOPPED)) === LEFT || ((status & ENDED) === 0 && !this.#hasAll(words, at))) break
      let sample = source === 'bytes' ? lengths[row]! : 1
      if (isSampled) {
        const start = samplePlace === -1 ? 0 : words[at + samplePlace]!
        const end = samplePlace === -1 ? 0 : words[at + samplePlace + 1]!
        if (start === end) {
          // Nothing to unwrap.
          lineBytes += lengths[row]!
          continue
        }
        const value = plainDecimal(bytes, start + shift, end + shift)
        if (Number.isNaN(value)) break
        if (source === 'unwrapped') sample = value
      }
      const node = this.#nodeOf(words, at, bytes, shift)
      const outcome = node < this.#outcomes.length ? this.#outcomes[node]! : UNKNOWN
      if (outcome === UNKNOWN) {
        this.#ask(node)
        break
      }
      lineBytes += lengths[row]!
      if (outcome === DROPPED) continue
      passed++
      const time = times[row]!
      if (time > edges[cursor + 1]!) cursor = slotOfTime(edges, cursor + 1, time)
      if (used[firstSlot + cursor] === 1) states.add(outcome - 1, firstSlot + cursor, sample, time + shiftNs)
    }
    this.stats.rows += row - from
    this.stats.bytes += lineBytes
    this.stats.passed += passed
    return row
  }

  /** Every name that somebody needs was found before the end of the line. */
  #hasAll(words: Uint32Array, at: number): boolean {
    const places = this.#requiredPlaces
    for (let i = 0; i < places.length; i++) if (places[i] === -1 || words[at + places[i]!] === 0) return false
    return true
  }

  #nodeOf(words: Uint32Array, at: number, bytes: Uint8Array, shift: number): number {
    const places = this.#keyPlaces
    let node = 0
    for (let i = 0; i < places.length; i++) {
      const place = at + places[i]!
      const start = places[i] === -1 ? 0 : words[place]!
      const code = start === 0 ? this.#baseCodes[i]! : 1 + this.#values[i]!.codeOf(bytes, start + shift, words[place + 1]! + shift, words[place + 2]!, words[place + 3]!)
      node = this.#trie.child(node, code)
    }
    return node
  }

  #ask(node: number): void {
    this.#asked = node
    if (node < this.#outcomes.length) return
    const grown = new Int32Array(Math.max(this.#outcomes.length * 2, node + 1))
    grown.set(this.#outcomes)
    this.#outcomes = grown
  }
}
