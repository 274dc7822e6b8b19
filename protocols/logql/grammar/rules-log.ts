/** The grammar of log queries: selectors, line filters, parsers, label filters and formats. One half of `productions.ts`; see `rules.ts` for the notation. */
import type { CompareOp, Extraction, LabelFilter, LabelFormat, LineFilterOp, LineFilterTerm, LogExpr, Matcher, MatcherOp, NameMatcher, Stage } from '../ast.ts'
import { labelMatcher, parserStage } from '../build.ts'
import type { Quantity } from '../lexer.ts'
import { rule, type Rule } from './rules.ts'

type Mutable<T> = T[]
const listOf = <T>(first: T): Mutable<T> => [first]
const append = <T>(list: Mutable<T>, _comma: unknown, next: T): Mutable<T> => {
  list.push(next)
  return list
}
/** In place: a list belongs to one reduction, and copies would make long queries quadratic. */
const joined = <T>(list: Mutable<T>, more: ReadonlyArray<T>): Mutable<T> => {
  for (const item of more) list.push(item)
  return list
}
/** `part {, part}` */
const list = (name: string, part: string): Rule[] => [...rule(name, part, listOf), ...rule(name, `${name} , ${part}`, append)]

const SELECTOR = [
  ...rule('log', 'selector', (matchers: Matcher[]): LogExpr => ({ kind: 'log', matchers, stages: [] })),
  ...rule('log', 'selector stages', (matchers: Matcher[], stages: Stage[]): LogExpr => ({ kind: 'log', matchers, stages })),
  ...rule('log', '( log )', (_open: string, log: LogExpr) => log),
  ...rule('selector', '{ matchers }', (_open: string, matchers: Matcher[]) => matchers),
  ...rule('selector', '{ }', (): Matcher[] => []),
  ...list('matchers', 'matcher'),
  ...rule('matcher', ['IDENTIFIER = STRING', 'IDENTIFIER != STRING', 'IDENTIFIER =~ STRING', 'IDENTIFIER !~ STRING'],
    (name: string, op: MatcherOp, value: string) => labelMatcher(name, op, value)),
]

const STAGES = [
  ...rule('stages', 'stage', (stage: Stage[]) => stage),
  ...rule('stages', 'stages stage', (stages: Stage[], stage: Stage[]) => joined(stages, stage)),
  ...rule('stage', 'lineFilters'),
  ...rule('stage', ['| jsonParser', '| logfmtParser', '| textParser', '| labelFilterStage', '| lineFormat', '| decolorizer', '| labelFormats', '| dropping', '| keeping'],
    (_pipe: string, stage: Stage): Stage[] => [stage]),
]

interface OpenLineFilter { readonly kind: 'lineFilter'; readonly op: LineFilterOp; readonly terms: Mutable<LineFilterTerm> }

const ipTerm = (_ip: string, _open: string, value: string): LineFilterTerm[] => [{ ip: true, value }]
const LINE_FILTERS = [
  ...rule('lineFilters', 'lineFilter', listOf<OpenLineFilter>),
  ...rule('lineFilters', 'lineFilters lineFilter', (filters: OpenLineFilter[], filter: OpenLineFilter) => joined(filters, [filter])),
  ...rule('lineFilter', 'lineOp STRING', (op: LineFilterOp, value: string): OpenLineFilter => ({ kind: 'lineFilter', op, terms: [{ ip: false, value }] })),
  ...rule('lineFilter', 'lineOp ipWord ( STRING )',
    (op: LineFilterOp, _ip: string, _open: string, value: string): OpenLineFilter => ({ kind: 'lineFilter', op, terms: [{ ip: true, value }] })),
  ...rule('lineFilter', 'lineFilter or alternatives', (filter: OpenLineFilter, _or: string, reversed: LineFilterTerm[]): OpenLineFilter => {
    joined(filter.terms, reversed.toReversed())
    return filter
  }),
  ...rule('lineOp', ['|~', '|=', '|>', '!~', '!=', '!>']),
  ...rule('ipWord', 'ip'),
  // Nested to the right, so finished from the last to the first.
  ...rule('alternatives', 'STRING', (value: string): LineFilterTerm[] => [{ ip: false, value }]),
  ...rule('alternatives', 'ipWord ( STRING )', ipTerm),
  ...rule('alternatives', 'STRING or alternatives', (value: string, _or: string, reversed: LineFilterTerm[]): LineFilterTerm[] => joined(reversed, [{ ip: false, value }])),
]

const logfmt = (_word: string, flags: string[] | null, extractions: Extraction[] | null): Stage => ({
  kind: 'logfmt', strict: flags?.includes('--strict') ?? false, keepEmpty: flags?.includes('--keep-empty') ?? false, extractions: extractions ?? [],
})
const PARSERS = [
  ...rule('textParser', 'json', (): Stage => ({ kind: 'json', extractions: [] })),
  ...rule('textParser', 'unpack', (): Stage => ({ kind: 'unpack' })),
  ...rule('textParser', ['regexp STRING', 'pattern STRING'], (kind: 'regexp' | 'pattern', pattern: string) => parserStage(kind, pattern)),
  ...rule('jsonParser', 'json extractions', (_word: string, extractions: Extraction[]): Stage => ({ kind: 'json', extractions })),
  ...rule('logfmtParser', 'logfmt [ flags ] [ extractions ]', logfmt),
  ...rule('flags', 'FUNCTION_FLAG', listOf<string>),
  ...rule('flags', 'flags FUNCTION_FLAG', (flags: string[], flag: string) => joined(flags, [flag])),
  ...list('extractions', 'extraction'),
  ...rule('extraction', 'IDENTIFIER = STRING', (name: string, _is: string, expression: string): Extraction => ({ name, expression })),
  ...rule('extraction', 'IDENTIFIER', (name: string): Extraction => ({ name, expression: name })),
]

const COMPARISONS = ['>', '>=', '<', '<=', '!=', '=', '=='] as const
const compareOp = (op: CompareOp | '='): CompareOp => (op === '=' ? '==' : op)
const compare = (operand: string): string[] => COMPARISONS.map((op) => `IDENTIFIER ${op} ${operand}`)
const quantityFilter = (kind: 'duration' | 'bytes') => (name: string, op: CompareOp | '=', { text, value }: Quantity): LabelFilter =>
  ({ kind, name, op: compareOp(op), value, text })
const both = (kind: 'and' | 'or') => (left: LabelFilter, _word: string, right: LabelFilter): LabelFilter => ({ kind, left, right })

const LABEL_FILTERS = [
  ...rule('labelFilterStage', 'labelFilter', (filter: LabelFilter): Stage => ({ kind: 'labelFilter', filter })),
  ...rule('labelFilter', 'matcher', (matcher: Matcher): LabelFilter => ({ kind: 'string', matcher })),
  ...rule('labelFilter', ['IDENTIFIER = ipWord ( STRING )', 'IDENTIFIER != ipWord ( STRING )'],
    (name: string, op: '=' | '!=', _ip: string, _open: string, value: string): LabelFilter => ({ kind: 'ip', name, op, value })),
  ...rule('labelFilter', compare('DURATION'), quantityFilter('duration')),
  ...rule('labelFilter', compare('BYTES'), quantityFilter('bytes')),
  ...rule('labelFilter', compare('literal'), (name: string, op: CompareOp | '=', { value }: { value: number }): LabelFilter => ({ kind: 'number', name, op: compareOp(op), value })),
  ...rule('labelFilter', '( labelFilter )', (_open: string, filter: LabelFilter) => filter),
  ...rule('labelFilter', 'labelFilter labelFilter', (left: LabelFilter, right: LabelFilter): LabelFilter => ({ kind: 'and', left, right })),
  ...rule('labelFilter', ['labelFilter and labelFilter', 'labelFilter , labelFilter'], both('and')),
  ...rule('labelFilter', 'labelFilter or labelFilter', both('or')),
]

const nameOf = (name: string): NameMatcher => ({ kind: 'name', name })
const matcherOf = (matcher: Matcher): NameMatcher => ({ kind: 'matcher', matcher })
const FORMATS = [
  ...rule('lineFormat', 'line_format STRING', (_word: string, template: string): Stage => ({ kind: 'lineFormat', template })),
  ...rule('decolorizer', 'decolorize', (): Stage => ({ kind: 'decolorize' })),
  ...rule('labelFormats', 'label_format formats', (_word: string, formats: LabelFormat[]): Stage => ({ kind: 'labelFormat', formats })),
  ...list('formats', 'format'),
  ...rule('format', 'IDENTIFIER = IDENTIFIER', (name: string, _is: string, from: string): LabelFormat => ({ name, kind: 'rename', from })),
  ...rule('format', 'IDENTIFIER = STRING', (name: string, _is: string, template: string): LabelFormat => ({ name, kind: 'template', template })),
  ...rule('dropping', 'drop dropped', (kind: 'drop', names: NameMatcher[]): Stage => ({ kind, names })),
  ...list('dropped', 'dropLabel'),
  ...rule('dropLabel', 'IDENTIFIER', nameOf),
  ...rule('dropLabel', 'matcher', matcherOf),
  ...rule('keeping', 'keep kept', (kind: 'keep', names: NameMatcher[]): Stage => ({ kind, names })),
  ...list('kept', 'keepLabel'),
  ...rule('keepLabel', 'IDENTIFIER', nameOf),
  ...rule('keepLabel', 'matcher', matcherOf),
]

export const LOG_RULES: ReadonlyArray<Rule> = [...SELECTOR, ...STAGES, ...LINE_FILTERS, ...PARSERS, ...LABEL_FILTERS, ...FORMATS]
export { list }
