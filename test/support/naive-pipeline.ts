/**
 * What the operators of a log query do to a line, written down as plainly as possible: one line at a time, strings and maps. The reference that the engine's operators are
 * compared with on random data; covers the forms that `naiveCase` makes.
 */

/** An operator as text, and what it does: false drops the line. */
export interface NaiveStage {
  readonly text: string
  readonly run: (row: NaiveRow) => boolean
}

export interface NaiveRow {
  line: string
  /** Of the stream and the structured metadata. */
  readonly base: Map<string, string>
  /** Names that `base` began with: what is extracted under one of them is shown under another, also when that label has been dropped. */
  readonly began: ReadonlySet<string>
  readonly parsed: Map<string, string>
  error: string
}

export const labelsOfRow = ({ base, parsed, error }: NaiveRow): Record<string, string> =>
  Object.fromEntries([...base, ...parsed, ...(error === '' ? [] : [['__error__', error] as const])])

const valueOf = (row: NaiveRow, name: string): string | undefined => row.parsed.get(name) ?? row.base.get(name)
const quoted = (text: string): string => JSON.stringify(text)

function extract(row: NaiveRow, name: string, value: string): void {
  row.parsed.set(row.began.has(name) ? `${name}_extracted` : name, value)
}

export function lineFilter(op: '|=' | '!=' | '|~' | '!~', terms: ReadonlyArray<string>): NaiveStage {
  const holds = (line: string, term: string): boolean => (op.endsWith('~') ? new RegExp(term, 'u').test(line) : line.includes(term))
  return { text: `${op} ${terms.map(quoted).join(' or ')}`, run: ({ line }) => terms.some((term) => holds(line, term)) === op.startsWith('|') }
}

/** `<_>word<_>`: something before it, and something after. The first place where the word stands decides. */
export function shapeFilter(op: '|>' | '!>', word: string): NaiveStage {
  const fits = (line: string): boolean => line.indexOf(word) > 0 && line.indexOf(word) + word.length < line.length
  return { text: `${op} ${quoted(`<_>${word}<_>`)}`, run: ({ line }) => fits(line) === (op === '|>') }
}

/** The four addresses of `10.0.0.<from>/30`. */
export function ipFilter(op: '|=' | '!=', from: number): NaiveStage {
  const meant = (line: string): boolean => [...line.matchAll(/\b10\.0\.0\.(\d+)\b/g)].some(([, last]) => Number(last) >> 2 === from >> 2)
  return { text: `${op} ip("10.0.0.${from}/30")`, run: ({ line }) => meant(line) === (op === '|=') }
}

export const json: NaiveStage = {
  text: '| json',
  run(row) {
    const whole = parsedJson(row.line)
    if (whole === null) row.error = 'JSONParserErr'
    for (const [name, value] of fieldsOf(whole ?? prefixOf(row.line), '')) extract(row, name, value)
    return true
  },
}

function parsedJson(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/** What can be read of an object that breaks off: its whole fields. */
function prefixOf(text: string): Record<string, unknown> {
  for (let at = text.lastIndexOf(','); at > 0; at = text.lastIndexOf(',', at - 1)) {
    const value = parsedJson(`${text.slice(0, at)}}`)
    if (value !== null) return value
  }
  return {}
}

function* fieldsOf(object: Record<string, unknown>, before: string): Generator<[string, string]> {
  for (const [key, value] of Object.entries(object)) {
    const name = (before + key).replace(/[^A-Za-z0-9_]/g, '_')
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) yield* fieldsOf(value as Record<string, unknown>, `${name}_`)
    else if (value !== null && !Array.isArray(value)) yield [name, String(value)]
  }
}

/** Only for lines of sound pairs. */
export const logfmt: NaiveStage = {
  text: '| logfmt',
  run(row) {
    for (const [, name, quotedValue, value] of row.line.matchAll(/([a-z_]+)=(?:"([^"]*)"|(\S*))/g)) {
      const given = quotedValue ?? value ?? ''
      if (given !== '') extract(row, name!, given)
    }
    return true
  },
}

export function regexp(pattern: string): NaiveStage {
  return {
    text: `| regexp ${quoted(pattern)}`,
    run(row) {
      const groups = new RegExp(pattern.replaceAll('(?P<', '(?<'), 'u').exec(row.line)?.groups ?? {}
      for (const [name, value] of Object.entries(groups)) if (value !== undefined) extract(row, name, value)
      return true
    },
  }
}

/** `<ip> - "<verb> <_>" <status>` */
export const pattern: NaiveStage = {
  text: '| pattern "<ip> - \\"<verb> <_>\\" <status>"',
  run(row) {
    let rest = row.line
    for (const [name, until] of [['ip', ' - "'], ['verb', ' '], ['', '" '], ['status', '']] as const) {
      if (row.line === '') break
      const at = until === '' ? -1 : rest.indexOf(until)
      if (name !== '') extract(row, name, at === -1 ? rest : rest.slice(0, at))
      if (at === -1) break
      rest = rest.slice(at + until.length)
    }
    return true
  },
}

export const unpack: NaiveStage = {
  text: '| unpack',
  run(row) {
    if (row.line === '') return true
    const object = parsedJson(row.line)
    if (object === null) row.error = 'JSONParserErr'
    const entry = object?.['_entry']
    if (object === null || typeof entry !== 'string') return true
    for (const [name, value] of Object.entries(object)) if (name !== '_entry' && typeof value === 'string') extract(row, name, value)
    row.line = entry
    return true
  },
}

export interface NaiveFilter {
  readonly text: string
  readonly accepts: (row: NaiveRow) => boolean
}

export function stringFilter(name: string, op: '=' | '!=' | '=~' | '!~', value: string): NaiveFilter {
  const same = (text: string): boolean => (op.endsWith('~') ? new RegExp(`^(?:${value})$`, 'u').test(text) : text === value)
  return { text: `${name}${op}${quoted(value)}`, accepts: (row) => same(valueOf(row, name) ?? '') === (op[0] === '=') }
}

const UNITS = { number: { pattern: /^-?\d+(?:\.\d+)?$/, scale: { '': 1 } }, duration: { pattern: /^(\d+)(ms|s)$/, scale: { ms: 1, s: 1000 } }, bytes: { pattern: /^(\d+)(B|KB)$/, scale: { B: 1, KB: 1000 } } } as const

export function comparison(name: string, kind: keyof typeof UNITS, op: '>' | '<=' | '==' | '!=', wanted: string): NaiveFilter {
  const read = (text: string): number | null => {
    const match = UNITS[kind].pattern.exec(text)
    if (match === null) return null
    return kind === 'number' ? Number(text) : Number(match[1]) * ((UNITS[kind].scale as Record<string, number>)[match[2]!] ?? NaN)
  }
  const want = read(wanted)!
  const compare = { '>': (a: number) => a > want, '<=': (a: number) => a <= want, '==': (a: number) => a === want, '!=': (a: number) => a !== want }[op]
  return {
    text: `${name} ${op} ${wanted}`,
    accepts(row) {
      const text = valueOf(row, name)
      if (text === undefined) return false
      if (row.error !== '') return true
      const value = read(text)
      if (value === null) row.error = 'LabelFilterErr'
      return value === null || compare(value)
    },
  }
}

export const both = (a: NaiveFilter, b: NaiveFilter): NaiveFilter => ({ text: `(${a.text} and ${b.text})`, accepts: (row) => a.accepts(row) && b.accepts(row) })
export const either = (a: NaiveFilter, b: NaiveFilter): NaiveFilter => ({ text: `(${a.text} or ${b.text})`, accepts: (row) => a.accepts(row) || b.accepts(row) })
export const labelFilter = ({ text, accepts }: NaiveFilter): NaiveStage => ({ text: `| ${text}`, run: accepts })

const rendered = (row: NaiveRow, names: ReadonlyArray<string>): string => names.map((name) => valueOf(row, name) ?? '').join('-')
const templateOf = (names: ReadonlyArray<string>): string => names.map((name) => `{{.${name}}}`).join('-')

export const lineFormat = (names: ReadonlyArray<string>): NaiveStage => ({
  text: `| line_format "${templateOf(names)}"`,
  run(row) {
    row.line = rendered(row, names)
    return true
  },
})

export const made = (name: string, names: ReadonlyArray<string>): NaiveStage => ({
  text: `| label_format ${name}="${templateOf(names)}"`,
  run(row) {
    const value = rendered(row, names)
    row.base.delete(name)
    row.parsed.set(name, value)
    return true
  },
})

export const renamed = (to: string, from: string): NaiveStage => ({
  text: `| label_format ${to}=${from}`,
  run(row) {
    const value = valueOf(row, from)
    if (value === undefined) return true
    const map = row.parsed.has(from) ? row.parsed : row.base
    row.parsed.delete(to)
    row.base.delete(to)
    map.set(to, value)
    row.parsed.delete(from)
    row.base.delete(from)
    return true
  },
})

export const decolorize: NaiveStage = {
  text: '| decolorize',
  run(row) {
    // oxlint-disable-next-line no-control-regex
    row.line = row.line.replaceAll(/\u001b\[[\d;]*m/g, '')
    return true
  },
}

export function dropOrKeep(what: 'drop' | 'keep', names: ReadonlyArray<string>, matched: readonly [name: string, value: string]): NaiveStage {
  return {
    text: `| ${what} ${[...names, `${matched[0]}=${quoted(matched[1])}`].join(', ')}`,
    run(row) {
      for (const map of [row.parsed, row.base]) {
        for (const [name, value] of map) if ((names.includes(name) || (name === matched[0] && value === matched[1])) === (what === 'drop')) map.delete(name)
      }
      return true
    },
  }
}
