/**
 * Broken and hostile LogQL: whatever comes in, the parser answers with a tree or a SkaldError of status 400, and soon.
 * `fuzz.test.ts` runs a part of it; all of it: `npm run fuzz` (100,000 broken queries, 10,000 hostile ones; `-- --seed N`).
 */
import { parseArgs } from 'node:util'
import { parse } from '../../../protocols/logql/parser.ts'
import { format } from '../../../protocols/logql/print.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import { withCpuMs } from '../../support/cpu-time.ts'
import { ODD_WORDS, RandomQueries, randomOf } from '../../support/random-query.ts'

const FRAGMENTS = [
  '{', '}', '(', ')', '[5m]', '[', ']', '|', '|=', '!~', '"', '`', "'", 'sum', 'by (', 'rate(', 'unwrap', 'or', 'and', ',', '=', '==', '5m', '5KB', '1e999', '0x', '#', '//', '/*', '\\', '-', '--strict',
  '\n', '\u0000', '\uD800', '\u{1F98A}', 'ip(', 'offset', 'bool on', 'label_format', 'é', ' ', '(?P<', '0b2', '1_', "'a'",
]

/** A good query with a few random edits: cuts, repeats, fragments put in, characters swapped. */
export function brokenQuery(queries: RandomQueries, random: () => number): string {
  let text = format(queries.expr())
  const at = (): number => Math.floor(random() * (text.length + 1))
  for (let edits = 1 + Math.floor(random() * 4); edits > 0; edits--) {
    const [from, to] = [at(), at()].sort((a, b) => a - b) as [number, number]
    const fragment = FRAGMENTS[Math.floor(random() * FRAGMENTS.length)] ?? ''
    const edit = Math.floor(random() * 5)
    if (edit === 0) text = text.slice(0, from) + text.slice(Math.min(to, from + 8))
    else if (edit === 1) text = text.slice(0, to)
    else if (edit === 2) text = text.slice(0, from) + fragment + text.slice(from)
    else if (edit === 3) text = text.slice(0, from) + fragment + text.slice(from + 1)
    else text = text.slice(0, to) + text.slice(from, to) + text.slice(to)
  }
  return text
}

/** Deep, wide, long and numerous; sizes up to Loki's limit of 128 KiB. */
const HOSTILE: ReadonlyArray<(size: number) => string> = [
  (n) => '('.repeat(n), (n) => `${'('.repeat(n)}1${')'.repeat(n)}`, (n) => `${'sum('.repeat(n)}rate({a="b"}[1m])${')'.repeat(n)}`, (n) => `1${'+1'.repeat(n)}`, (n) => `1${'^1'.repeat(n)}`,
  (n) => `{a="b"}${' |= "x"'.repeat(n)}`, (n) => `{a="b"}${' | json'.repeat(n)}`, (n) => `{a="b"} | ${'('.repeat(n)}x="1"${')'.repeat(n)}`, (n) => `{a="b"} | x="1"${' or x="1"'.repeat(n)}`,
  (n) => `{a="b"} |= "x"${' or "x"'.repeat(n)}`, (n) => `{${'a="b",'.repeat(n)}a="b"}`, (n) => `{a=~"${'(a|b)'.repeat(n)}"}`, (n) => `{a=~"${'('.repeat(n)}"}`, (n) => `{a=~"${'(a+)'.repeat(n)}+"}`,
  (n) => `{a=~"${'a{1000}'.repeat(n)}"}`, (n) => `{a=~"${'(?i)'.repeat(n)}x"}`, (n) => `{a=~"${'[[:alpha:]]'.repeat(n)}"}`, (n) => `{a=~"${'p{Greek}'.replaceAll('p', '\\\\p').repeat(n)}"}`,
  (n) => `{a=~"${'x|'.repeat(n)}"}`, (n) => `{${'a=~"(x+x+)+y",'.repeat(n)}a="b"}`, (n) => `rate({a="b"}[${'9'.repeat(n)}m])`, (n) => `1e${'9'.repeat(n)}`, (n) => '9'.repeat(n), (n) => `{a="b"} | x > ${'5h'.repeat(n)}`,
  (n) => `{a="b"} # ${'x'.repeat(n)}`, (n) => '\n'.repeat(n), (n) => `rate${' '.repeat(n)}x`, (n) => 'rate '.repeat(n), (n) => '/*'.repeat(n), (n) => `{a="${'\\u00e9'.repeat(n)}"}`,
  (n) => `{a="b"} | pattern "${'<a>'.repeat(n)}"`, (n) => `{a="b"} | pattern "${'<'.repeat(n)}"`, (n) => `{a="b"} | regexp "${'(?P<a>x)'.repeat(n)}"`, (n) => `sum by (${'a,'.repeat(n)}a) (1)`, (n) => '-'.repeat(n),
  (n) => `{a=~"${'(x{2}){2}'.repeat(n)}"}`, (n) => `{a=~"${'.*a'.repeat(n)}"}`, (n) => `{a=~"${'(a|'.repeat(n)}b${')'.repeat(n)}"}`, (n) => `{a=~"${'a?'.repeat(n)}${'a'.repeat(n)}"}`,
  (n) => `{a="b"} | line_format "${'{{.x}}'.repeat(n)}"`, (n) => `{a="b"} | line_format \`${'{{if .x}}'.repeat(n)}${'{{end}}'.repeat(n)}\``, (n) => `{a="b"} | line_format \`{{${'('.repeat(n)}.x${')'.repeat(n)}}}\``,
  (n) => `{a="b"} | line_format \`{{.x${' | upper'.repeat(n)}}}\``, (n) => `{a="b"} | line_format "{{${'{{'.repeat(n)}"`, (n) => `{a="b"} | label_format x=\`{{regexReplaceAll "${'(a|b)*'.repeat(n)}" .x "y"}}\``, (n) => `{a="b"} | line_format \`{{printf "%${'9'.repeat(n)}d" 1}}\``,
]

/** `sizeBits`: up to two to this many characters, about. */
export function hostileQuery(random: () => number, sizeBits = 17): string {
  const make = HOSTILE[Math.floor(random() * HOSTILE.length)] ?? String
  const unit = Math.max(1, make(2).length - make(1).length)
  return make(Math.ceil(2 ** (random() * sizeBits) / unit))
}

export interface FuzzResult { readonly parsed: number; readonly refused: number; readonly slowestMs: number; readonly slowest: string; readonly wrong: ReadonlyArray<string> }

const SLOW_MS = 10

function timed(text: string): { ms: number; outcome: string } {
  const { result, cpuMs } = withCpuMs(() => outcomeOf(text))
  return { ms: cpuMs, outcome: result }
}

function outcomeOf(text: string): string {
  try {
    parse(text)
    return 'parsed'
  } catch (error) {
    return error instanceof SkaldError && error.code === 'query_parse' ? 'refused' : String(error)
  }
}

export function fuzz(count: number, make: () => string): FuzzResult {
  const result = { parsed: 0, refused: 0, slowestMs: 0, slowest: '', wrong: [] as string[] }
  for (let i = 0; i < count; i++) {
    const text = make()
    const first = timed(text)
    if (first.outcome === 'parsed') result.parsed++
    else if (first.outcome === 'refused') result.refused++
    else result.wrong.push(`${text.slice(0, 200)}: ${first.outcome}`)
    // A pause of the machine is not the parser's: only what is slow three times is slow.
    const ms = first.ms < SLOW_MS ? first.ms : Math.min(first.ms, timed(text).ms, timed(text).ms)
    if (ms > result.slowestMs) Object.assign(result, { slowestMs: ms, slowest: `${text.slice(0, 80)}… (${text.length} characters)` })
  }
  return result
}

export const fuzzBroken = (count: number, seed: number): FuzzResult => {
  const queries = new RandomQueries(seed, ODD_WORDS)
  const random = randomOf(seed + 1)
  return fuzz(count, () => brokenQuery(queries, random))
}

export const fuzzHostile = (count: number, seed: number, sizeBits?: number): FuzzResult => {
  const random = randomOf(seed)
  return fuzz(count, () => hostileQuery(random, sizeBits))
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { seed: { type: 'string', default: '1' }, broken: { type: 'string', default: '100000' }, hostile: { type: 'string', default: '10000' } } })
  parse('{a="b"}')
  console.log('broken', fuzzBroken(Number(values.broken), Number(values.seed)))
  console.log('hostile', fuzzHostile(Number(values.hostile), Number(values.seed)))
  console.log('hostile and short', fuzzHostile(Number(values.hostile), Number(values.seed), 9))
}
