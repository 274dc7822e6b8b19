/**
 * The state that one row has while it goes through the stages: its line, its labels and its error. One object a pipeline, reused for every row.
 * Stages change it; sinks see it as `Row`. Values stay byte ranges of the line until somebody asks for their text.
 *
 * A name belongs to one category at a time: what a stage sets (parsed) hides structured metadata, which hides the stream's label.
 */
import type { EntryBlock, Labels, LevelColumn, MetadataColumn } from '../model.ts'
import { decodeJsonPlain } from './json-text.ts'

export const DETECTED_LEVEL = 'detected_level'
export const ERROR_LABEL = '__error__'
export const ERROR_DETAILS_LABEL = '__error_details__'
/** Appended to the name of an extracted label that the stream or the structured metadata has already. */
export const DUPLICATE_SUFFIX = '_extracted'

/** Where a label comes from, in falling order of precedence. */
export type Category = 0 | 1 | 2
export const PARSED = 0
export const METADATA = 1
export const STREAM = 2

/** Turns the bytes of a value into its text; which one depends on the parser that found it. */
export type Decode = (bytes: Buffer, start: number, end: number) => string

export const decodeUtf8: Decode = (bytes, start, end) => bytes.toString('utf8', start, end)

const NO_LABELS: Labels = []

export class LineState {
  // ---- the line
  buffer: Buffer = Buffer.alloc(0)
  start = 0
  end = 0
  #text: string | undefined
  #isUnread = false
  index = 0
  relativeNs = 0
  sample = 0

  // ---- what the row's run and block give
  block: EntryBlock | null = null
  stream: Labels = NO_LABELS
  readonly #streamValues = new Map<string, string>()
  #metadata: MetadataColumn | null = null
  #levels: LevelColumn | null = null

  // ---- what stages made of it
  count = 0
  readonly names: string[] = []
  readonly #texts: Array<string | undefined> = []
  readonly #buffers: Buffer[] = []
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  readonly #decodes: Decode[] = []
  readonly categories: Category[] = []
  readonly deleted: string[] = []
  error = ''
  errorDetails = ''

  // ---- what parsers may leave out (`hints.ts`)
  readonly #required: ReadonlySet<string>
  #requiredFound = 0

  constructor(required: ReadonlySet<string>) {
    this.#required = required
  }

  enterBlock(block: EntryBlock, metadata: MetadataColumn | null, levels: LevelColumn | null): void {
    this.block = block
    this.#metadata = metadata
    this.#levels = levels
  }

  /** For rows whose whole label set is shown although the pipeline does not need it: those that failed. */
  loadBase(): void {
    this.#metadata ??= this.block?.metadata() ?? null
    this.#levels ??= this.block?.levels() ?? null
  }

  enterRun(stream: Labels): void {
    this.stream = stream
    this.#streamValues.clear()
    for (const [name, value] of stream) this.#streamValues.set(name, value)
  }

  /** The line is `buffer[start, end)`, or not read at all when `buffer` is null; then `end - start` is its length all the same. */
  enterRow(index: number, relativeNs: number, buffer: Buffer | null, start: number, end: number): void {
    this.index = index
    this.relativeNs = relativeNs
    this.#isUnread = buffer === null
    if (buffer !== null) this.buffer = buffer
    this.start = start
    this.end = end
    this.#text = undefined
    this.count = 0
    if (this.deleted.length > 0) this.deleted.length = 0
    if (this.error !== '') this.error = ''
    if (this.errorDetails !== '') this.errorDetails = ''
    this.#requiredFound = 0
  }

  // ---- line

  lineBytes(): number {
    return this.end - this.start
  }

  lineText(): string {
    return (this.#text ??= this.#isUnread ? this.#readLine() : this.buffer.toString('utf8', this.start, this.end))
  }

  /** Of a pipeline whose stages need no lines: the block's lines are decoded only if somebody asks. */
  #readLine(): string {
    const { bytes, starts, lengths } = this.block!.lines()
    return bytes.toString('utf8', starts[this.index]!, starts[this.index]! + lengths[this.index]!)
  }

  setLine(text: string): void {
    this.buffer = Buffer.from(text)
    this.start = 0
    this.end = this.buffer.length
    this.#text = text
  }

  // ---- labels: reading

  /** Everything that a filter may name, errors too; undefined when absent. */
  get(name: string): string | undefined {
    const at = this.#find(name)
    if (at !== -1) return this.textAt(at)
    if (this.deleted.length > 0 && this.deleted.includes(name)) return undefined
    return this.getBase(name)
  }

  /** What the row came with, whatever the stages did. */
  getBase(name: string): string | undefined {
    return this.#metadataValue(name) ?? this.#streamValues.get(name)
  }

  /** Structured metadata and level only. */
  getMetadata(name: string): string | undefined {
    return this.#metadataValue(name)
  }

  label(name: string): string {
    if (name === ERROR_LABEL) return this.error
    if (name === ERROR_DETAILS_LABEL) return this.errorDetails
    return this.get(name) ?? ''
  }

  categoryOf(name: string): Category | null {
    const at = this.#find(name)
    if (at !== -1) return this.categories[at]!
    if (this.deleted.includes(name)) return null
    if (this.#metadataValue(name) !== undefined) return METADATA
    return this.#streamValues.has(name) ? STREAM : null
  }

  /** The stream or the structured metadata came with this name: an extracted one has to step aside. */
  hasBase(name: string): boolean {
    return this.#streamValues.has(name) || this.#metadataValue(name) !== undefined
  }

  hasParsed(name: string): boolean {
    const at = this.#find(name)
    return at !== -1 && this.categories[at] === PARSED
  }

  textAt(at: number): string {
    return (this.#texts[at] ??= this.#decodes[at]!(this.#buffers[at]!, this.#starts[at]!, this.#ends[at]!))
  }

  /** Calls back with each visible label, errors left out: stages' own first, then metadata, then stream. */
  visit(each: (name: string, value: string, category: Category) => void): void {
    for (let i = 0; i < this.count; i++) each(this.names[i]!, this.textAt(i), this.categories[i]!)
    const seen = (name: string): boolean => this.#find(name) !== -1 || this.deleted.includes(name)
    const level = this.#level()
    if (level !== '' && !seen(DETECTED_LEVEL)) each(DETECTED_LEVEL, level, METADATA)
    for (const [name, value] of this.metadataSet()) {
      const shown = this.#streamValues.has(name) ? name + DUPLICATE_SUFFIX : name
      if ((level === '' || shown !== DETECTED_LEVEL) && !seen(shown)) each(shown, value, METADATA)
    }
    for (const [name, value] of this.stream) if (!seen(name) && this.#metadataValue(name) === undefined) each(name, value, STREAM)
  }

  metadataSet(): Labels {
    return this.#metadata === null ? NO_LABELS : this.#metadata.sets[this.#metadata.codes[this.index]!]!
  }

  /** -1 without a column. Equal codes of one block mean equal structured metadata. */
  metadataCode(): number {
    return this.#metadata === null ? -1 : this.#metadata.codes[this.index]!
  }

  levelCode(): number {
    return this.#levels === null ? -1 : this.#levels.codes[this.index]!
  }

  /** No stage has touched the labels of this row. */
  isUntouched(): boolean {
    return this.count === 0 && this.deleted.length === 0
  }

  // ---- labels: changing

  /** A parser's find. `name` is final (sanitised, not colliding). */
  setBytes(name: string, buffer: Buffer, start: number, end: number, decode: Decode): void {
    const at = this.#slot(name)
    this.#texts[at] = undefined
    this.#buffers[at] = buffer
    this.#starts[at] = start
    this.#ends[at] = end
    this.#decodes[at] = decode
    this.categories[at] = PARSED
  }

  set(name: string, value: string, category: Category): void {
    const at = this.#slot(name)
    this.#texts[at] = value
    this.#decodes[at] = decodeUtf8
    this.categories[at] = category
  }

  delete(name: string): void {
    const at = this.#find(name)
    if (at !== -1) {
      const last = --this.count
      this.names[at] = this.names[last]!
      this.#texts[at] = this.#texts[last]
      this.#buffers[at] = this.#buffers[last]!
      this.#starts[at] = this.#starts[last]!
      this.#ends[at] = this.#ends[last]!
      this.#decodes[at] = this.#decodes[last]!
      this.categories[at] = this.categories[last]!
    }
    if (!this.deleted.includes(name)) this.deleted.push(name)
  }

  setError(error: string, details: string): void {
    this.error = error
    this.errorDetails = details
  }

  // ---- hints

  /** Every label that anything after the parsers needs has been extracted. */
  hasAllRequired(): boolean {
    return this.#required.size > 0 && this.#requiredFound >= this.#required.size
  }

  // ---- interning

  /** Where a stage put this name, or -1: with `rangeAt`, lets a caller intern the value without making its text. */
  find(name: string): number {
    return this.#find(name)
  }

  /** The value is its bytes as they stand, and nobody has made its text yet. */
  isPlainAt(at: number): boolean {
    const decode = this.#decodes[at]
    return this.#texts[at] === undefined && (decode === decodeUtf8 || decode === decodeJsonPlain)
  }

  bufferAt(at: number): Buffer {
    return this.#buffers[at]!
  }

  startAt(at: number): number {
    return this.#starts[at]!
  }

  endAt(at: number): number {
    return this.#ends[at]!
  }

  #slot(name: string): number {
    const at = this.#find(name)
    if (at !== -1) return at
    this.names[this.count] = name
    if (this.#required.size > 0 && this.#required.has(name)) this.#requiredFound++
    return this.count++
  }

  #find(name: string): number {
    for (let i = 0; i < this.count; i++) if (this.names[i] === name) return i
    return -1
  }

  #level(): string {
    return this.#levels === null ? '' : this.#levels.values[this.#levels.codes[this.index]!]!
  }

  #metadataValue(name: string): string | undefined {
    if (this.#metadata === null && this.#levels === null) return undefined
    if (name === DETECTED_LEVEL && this.#levels !== null) {
      const level = this.#level()
      if (level !== '') return level
    }
    for (const [key, value] of this.metadataSet()) {
      if (key.length === name.length) {
        if (key === name && !this.#streamValues.has(key)) return value
      } else if (key.length + DUPLICATE_SUFFIX.length === name.length && this.#streamValues.has(key) && key + DUPLICATE_SUFFIX === name) return value
    }
    return undefined
  }
}
