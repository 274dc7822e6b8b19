/**
 * The tokens of LogQL: their order (messages list expected tokens in it), how messages name them, which words are reserved, and which words are
 * functions only in front of an argument list. Read by the lexer and the grammar.
 */
import type { Precedence } from './lalr.ts'

export const END = '$end'

/** Function words: a token only before `(`, or before `by (` / `without (`; else an identifier. Shown in capitals. */
export const RANGE_FUNCTIONS = [
  'count_over_time', 'rate', 'rate_counter', 'bytes_over_time', 'bytes_rate', 'avg_over_time', 'sum_over_time', 'min_over_time', 'max_over_time',
  'stdvar_over_time', 'stddev_over_time', 'quantile_over_time', 'first_over_time', 'last_over_time', 'absent_over_time',
] as const
/** `approx_topk` is not among them: Loki knows the word only where it is switched on. */
export const VECTOR_FUNCTIONS = ['sum', 'avg', 'max', 'min', 'count', 'stddev', 'stdvar', 'bottomk', 'topk', 'sort', 'sort_desc'] as const
export const CONVERSIONS = ['bytes', 'duration', 'duration_seconds'] as const

/** A conversion's token has a name of its own: `bytes` would be read as the token class. */
export const conversionToken = (name: (typeof CONVERSIONS)[number]): string => `${name.toUpperCase()}_CONV`
const capital = (name: string): string => name.toUpperCase()

export const FUNCTION_TOKENS: ReadonlyMap<string, string> = new Map<string, string>([
  ...[...RANGE_FUNCTIONS, ...VECTOR_FUNCTIONS, 'vector'].map((name): [string, string] => [name, capital(name)]),
  ...CONVERSIONS.map((name): [string, string] => [name, conversionToken(name)]),
  ['ip', 'ip'],
])

/** Operators from the loosest to the tightest; `^` alone goes to the right. */
export const OPERATORS = [['or'], ['and', 'unless'], ['==', '!=', '<', '<=', '>', '>='], ['+', '-'], ['*', '/', '%'], ['^']] as const

export const PRECEDENCE: ReadonlyMap<string, Precedence> = new Map(
  OPERATORS.flatMap((names, level) => names.map((name): [string, Precedence] => [name, { level, associativity: name === '^' ? 'right' : 'left' }])),
)

export const TERMINALS: ReadonlyArray<string> = [
  END, 'BYTES', 'IDENTIFIER', 'STRING', 'NUMBER', 'FUNCTION_FLAG', 'DURATION', 'RANGE',
  '=', '=~', '!~', '!>', '{', '}', ',', '|~', '|=', '|>', '(', ')', 'by', 'without',
  ...[...RANGE_FUNCTIONS, ...VECTOR_FUNCTIONS].map(capital),
  'bool', 'json', 'regexp', 'logfmt', '|', 'line_format', 'label_format', 'unwrap', ...CONVERSIONS.map(conversionToken),
  'VECTOR', 'label_replace', 'unpack', 'offset', 'pattern', 'ip', 'on', 'ignoring', 'group_left', 'group_right', 'decolorize', 'drop', 'keep', 'variants', 'of',
  ...OPERATORS.flat(),
]

/** Words that are never identifiers, whatever their case. */
export const RESERVED: ReadonlySet<string> = new Set(TERMINALS.filter((name) => /^[a-z_]+$/.test(name) && !FUNCTION_TOKENS.has(name)))

export const PUNCTUATION: ReadonlySet<string> = new Set(TERMINALS.filter((name) => /^[^\w$]+$/.test(name)))
