/**
 * Raw keys of JSON and logfmt lines to label names: sanitised once a key, then found by its bytes. Nested JSON objects have a table each, reached
 * from their parent's. In front of the parsers; knows nothing of rows.
 */
import { ByteInterner } from './byte-interner.ts'

/** Keys of one table before it is emptied and starts again: data can have random keys. */
const KEYS_MAX = 20_000

/** Characters outside `[a-zA-Z0-9_]` become `_`, one a code point; a leading digit gets `_` before it unless something stands in front. */
export function sanitizeName(key: string, prefix: string): string {
  const trimmed = key.trim()
  if (prefix !== '') return `${prefix}_${trimmed.replace(/[^a-zA-Z0-9_]/gu, '_')}`
  const clean = trimmed.replace(/[^a-zA-Z0-9_]/gu, '_')
  return /^[0-9]/.test(clean) ? `_${clean}` : clean
}

export interface NameEntry {
  /** '' when nothing is left of the key. */
  readonly name: string
  /** With the suffix for names that the stream has already; made when first needed. */
  readonly duplicate: string
  readonly required: boolean
  readonly duplicateRequired: boolean
  /** Some required name starts with this one: an object under the key must be looked into. */
  readonly leadsToRequired: boolean
  children: NameTable | null
  /** The key's bytes, and the entry that came after it last: lines of one stream tend to have the same keys in the same order. */
  readonly key: Uint8Array
  next: NameEntry | null
}

export class NameTable {
  readonly #prefix: string
  readonly #required: ReadonlySet<string> | null
  #keys = new ByteInterner()
  #entries: NameEntry[] = []
  /** The entry that a line began with last. */
  first: NameEntry | null = null

  constructor(required: ReadonlySet<string> | null, prefix = '') {
    this.#required = required
    this.#prefix = prefix
  }

  lookup(bytes: Uint8Array, start: number, end: number): NameEntry {
    const code = this.#keys.codeOf(bytes, start, end)
    return this.#entries[code] ?? this.#add(code)
  }

  lookupText(key: string): NameEntry {
    const bytes = Buffer.from(key)
    return this.lookup(bytes, 0, bytes.length)
  }

  /** As `lookup`, tried first with the key that is likely here: the one that came after `previous` last time. */
  lookupAfter(previous: NameEntry | null, bytes: Uint8Array, start: number, end: number): NameEntry {
    const likely = previous === null ? this.first : previous.next
    if (likely !== null && likely.key.length === end - start && isKeyAt(bytes, start, likely.key)) return likely
    const entry = this.lookup(bytes, start, end)
    this.follows(previous, entry)
    return entry
  }

  follows(previous: NameEntry | null, entry: NameEntry): void {
    if (previous === null) this.first = entry
    else previous.next = entry
  }

  childOf(entry: NameEntry): NameTable {
    return (entry.children ??= new NameTable(this.#required, entry.name))
  }

  #add(code: number): NameEntry {
    const key = this.#keys.textOf(code)
    const name = sanitizeName(key, this.#prefix)
    const duplicate = `${name}_extracted`
    const required = this.#required
    const entry: NameEntry = {
      name,
      duplicate,
      required: required === null || required.has(name),
      duplicateRequired: required === null || required.has(duplicate),
      leadsToRequired: required === null || [...required].some((wanted) => wanted.startsWith(name)),
      children: null,
      key: Buffer.from(key),
      next: null,
    }
    if (code >= KEYS_MAX) {
      this.#keys = new ByteInterner()
      this.#entries = []
    } else this.#entries[code] = entry
    return entry
  }
}

/** The bytes from `start` on are the key's. */
function isKeyAt(bytes: Uint8Array, start: number, key: Uint8Array): boolean {
  for (let i = 0; i < key.length; i++) if (bytes[start + i] !== key[i]) return false
  return true
}
