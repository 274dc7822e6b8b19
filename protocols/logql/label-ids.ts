/**
 * Small integers for label sets: rows whose labels are equal under a pipeline's label mode get equal ids, so a sink keeps an array from id to series.
 * One object a pipeline. With `by`, ids come from codes of the few values that matter, without making strings; otherwise from the whole label set, remembered
 * per combination of stream, structured metadata and level.
 */
import type { LabelMode, ResolvedLabels } from './pipeline.ts'
import { ByteInterner } from './byte-interner.ts'
import { CodeTrie } from './code-trie.ts'
import { ERROR_DETAILS_LABEL, ERROR_LABEL, type LineState, METADATA, PARSED, STREAM } from './line-state.ts'

type Pair = readonly [name: string, value: string]

export interface LabelIds {
  idOf(state: LineState): number
  /** Called when a new run or block begins: what is remembered of the last one no longer holds. */
  enterRun(): void
}

/** All label sets that have an id. Shared by the ways of finding one. */
export class LabelRegistry {
  readonly #ids = new Map<string, number>()
  readonly #sets: Array<Omit<ResolvedLabels, 'merged'>> = []

  labelsOf(id: number): ResolvedLabels {
    const found = this.#sets[id]
    if (found === undefined) throw new Error(`no label set ${id}`)
    return { ...found, merged: [...found.stream, ...found.metadata, ...found.parsed].sort(byName) }
  }

  add(stream: Pair[], metadata: Pair[], parsed: Pair[]): number {
    let key = ''
    for (const pairs of [stream, metadata, parsed]) {
      pairs.sort(byName)
      key += `${pairs.length};`
      for (const [name, value] of pairs) key += `${name.length},${value.length}:${name}${value}`
    }
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    const id = this.#sets.length
    this.#sets.push({ stream, metadata, parsed })
    this.#ids.set(key, id)
    return id
  }

  /** A row that failed is shown whole, whatever the mode, so that the message can name it. */
  addFailed(state: LineState): number {
    state.loadBase()
    return this.addAll(state, () => true)
  }

  /** Everything that the row shows and `keeps` accepts, its error too. */
  addAll(state: LineState, keeps: (name: string) => boolean): number {
    const byCategory: [Pair[], Pair[], Pair[]] = [[], [], []]
    state.visit((name, value, category) => {
      if (keeps(name)) byCategory[category].push([name, value])
    })
    if (state.error !== '') byCategory[PARSED].push([ERROR_LABEL, state.error])
    if (state.errorDetails !== '') byCategory[PARSED].push([ERROR_DETAILS_LABEL, state.errorDetails])
    return this.add(byCategory[STREAM], byCategory[METADATA], byCategory[PARSED])
  }
}

const byName = ([a]: Pair, [b]: Pair): number => (a < b ? -1 : a > b ? 1 : 0)

export function labelIdsFor(mode: LabelMode, unwrapName: string | null, registry: LabelRegistry): LabelIds {
  if (mode.kind === 'by') return new GroupedIds(mode.names, registry)
  const dropped = new Set(mode.kind === 'without' ? mode.names : [])
  if (unwrapName !== null) dropped.add(unwrapName)
  return new WholeIds((name) => !dropped.has(name), registry)
}

/** `all` and `without`: whole label sets. */
class WholeIds implements LabelIds {
  readonly #keeps: (name: string) => boolean
  readonly #registry: LabelRegistry
  /** Metadata and level code -> id, for rows that no stage touched. */
  readonly #untouched = new Map<number, number>()

  constructor(keeps: (name: string) => boolean, registry: LabelRegistry) {
    this.#keeps = keeps
    this.#registry = registry
  }

  enterRun(): void {
    this.#untouched.clear()
  }

  idOf(state: LineState): number {
    if (state.error !== '') return this.#registry.addFailed(state)
    if (!state.isUntouched()) return this.#registry.addAll(state, this.#keeps)
    const key = combinationOf(state)
    const known = this.#untouched.get(key)
    if (known !== undefined) return known
    const id = this.#registry.addAll(state, this.#keeps)
    if (this.#untouched.size < COMBINATIONS_MAX) this.#untouched.set(key, id)
    return id
  }
}

const ABSENT = 0
/** Combinations of metadata and level that are remembered a run; structured metadata may be different in every row. */
const COMBINATIONS_MAX = 4096

/** A number for the row's metadata and level, within one block. */
const combinationOf = (state: LineState): number => (state.metadataCode() + 1) * 65_537 + state.levelCode() + 1

/**
 * `by`: a trie over the codes of the names' values. A code is 0 for an absent label, else 1 + the interned value; absent and empty differ.
 */
class GroupedIds implements LabelIds {
  readonly #names: ReadonlyArray<string>
  readonly #registry: LabelRegistry
  readonly #values: ReadonlyArray<ByteInterner>
  readonly #trie = new CodeTrie()
  /** What the names come to by stream, metadata and level alone, by combination of the latter two; of one run. */
  readonly #baseCodes = new Map<number, Int32Array>()
  #lastBaseKey = -1
  #lastBase: Int32Array = new Int32Array(0)
  /** What the names come to by the stream alone, -1 until somebody asks; and the row's, when it is not worth remembering. */
  readonly #streamCodes: Int32Array
  readonly #unkept: Int32Array
  /** Text to code, by name: metadata values come as strings. */
  readonly #textCodes: ReadonlyArray<Map<string, number>>
  readonly #codes: Int32Array
  readonly #ids: number[] = []
  #lastNode = -1

  constructor(names: ReadonlyArray<string>, registry: LabelRegistry) {
    this.#names = [...new Set(names)]
    this.#registry = registry
    this.#values = this.#names.map(() => new ByteInterner())
    this.#codes = new Int32Array(this.#names.length).fill(-1)
    this.#streamCodes = new Int32Array(this.#names.length)
    this.#unkept = new Int32Array(this.#names.length)
    this.#textCodes = this.#names.map(() => new Map())
  }

  enterRun(): void {
    this.#baseCodes.clear()
    this.#lastBaseKey = -1
    this.#streamCodes.fill(-1)
  }

  idOf(state: LineState): number {
    if (state.error !== '') return this.#registry.addFailed(state)
    const codes = this.#codes
    const base = this.#baseOf(state)
    let same = this.#lastNode !== -1
    for (let i = 0; i < codes.length; i++) {
      const code = state.isUntouched() ? base[i]! : this.#codeOf(state, i, base)
      if (codes[i] !== code) {
        codes[i] = code
        same = false
      }
    }
    if (!same) {
      let node = 0
      for (let i = 0; i < codes.length; i++) node = this.#trie.child(node, codes[i]!)
      this.#lastNode = node
    }
    return (this.#ids[this.#lastNode] ??= this.#register(state))
  }

  #codeOf(state: LineState, i: number, base: Int32Array): number {
    const name = this.#names[i]!
    const at = state.find(name)
    if (at === -1) return state.deleted.length > 0 && state.deleted.includes(name) ? ABSENT : base[i]!
    const values = this.#values[i]!
    return 1 + (state.isPlainAt(at) ? values.codeOf(state.bufferAt(at), state.startAt(at), state.endAt(at)) : values.codeOfText(state.textAt(at)))
  }

  #baseOf(state: LineState): Int32Array {
    const key = combinationOf(state)
    if (key === this.#lastBaseKey) return this.#lastBase
    this.#lastBaseKey = key
    return (this.#lastBase = this.#baseCodes.get(key) ?? this.#makeBase(state, key))
  }

  #makeBase(state: LineState, key: number): Int32Array {
    const kept = this.#baseCodes.size < COMBINATIONS_MAX
    const base = kept ? new Int32Array(this.#names.length) : this.#unkept
    for (let i = 0; i < base.length; i++) {
      const name = this.#names[i]!
      const value = state.getMetadata(name)
      if (value !== undefined) base[i] = this.#codeOfText(i, value)
      else base[i] = this.#streamCodes[i] === -1 ? (this.#streamCodes[i] = this.#codeOfText(i, state.getBase(name))) : this.#streamCodes[i]!
    }
    if (kept) this.#baseCodes.set(key, base)
    return base
  }

  #codeOfText(i: number, value: string | undefined): number {
    if (value === undefined) return ABSENT
    const codes = this.#textCodes[i]!
    let code = codes.get(value)
    if (code === undefined) codes.set(value, (code = 1 + this.#values[i]!.codeOfText(value)))
    return code
  }

  #register(state: LineState): number {
    const byCategory: [Pair[], Pair[], Pair[]] = [[], [], []]
    for (const name of this.#names) {
      const value = state.get(name)
      if (value !== undefined) byCategory[state.categoryOf(name) ?? STREAM].push([name, value])
    }
    // Which category a label came from does not make another series.
    const merged = byCategory.flat()
    return this.#registry.add(merged, [], [])
  }
}
