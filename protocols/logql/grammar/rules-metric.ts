/** The grammar of metric queries: ranges, aggregations, binary operations, literals. One half of `productions.ts`; see `rules.ts` for the notation. */
import type { BinaryOp, Expr, Grouping, LabelFilter, LogRange, Matcher, MetricExpr, RangeOp, Stage, Unwrap, VectorMatching, VectorOp } from '../ast.ts'
import { binary, constant, labelReplace, literal, logRange, rangeAggregation, refuseVariants, vectorAggregation, type Ranged } from '../build.ts'
import type { Quantity } from '../lexer.ts'
import { list } from './rules-log.ts'
import { rule, type Rule } from './rules.ts'
import { CONVERSIONS, OPERATORS, RANGE_FUNCTIONS, VECTOR_FUNCTIONS, conversionToken } from './tokens.ts'

const inBrackets = (_open: string, inner: unknown): unknown => inner

const EXPRESSIONS = [
  ...rule('expr', ['log', 'metric', 'variantsExpr']),
  ...rule('metric', ['rangeAggregation', 'vectorAggregation', 'binary', 'literal', 'labelReplace', 'constant']),
  ...rule('metric', '( metric )', inBrackets),
  ...rule('constant', 'VECTOR ( NUMBER )', (_word: string, _open: string, text: string) => constant(text)),
  ...rule('literal', 'NUMBER', (text: string) => literal('', text)),
  ...rule('literal', ['+ NUMBER', '- NUMBER'], (sign: string, text: string) => literal(sign, text)),
  ...rule('labelReplace', 'label_replace ( metric , STRING , STRING , STRING , STRING )',
    (_w: string, _o: string, inner: MetricExpr, _1: string, target: string, _2: string, replacement: string, _3: string, source: string, _4: string, pattern: string) =>
      labelReplace(inner, target, replacement, source, pattern)),
  ...rule('variantsExpr', 'variants ( metrics ) of ( logRange )', refuseVariants),
  ...list('metrics', 'metric'),
]

const RANGES = [
  ...rule('logRange', 'selector RANGE [ offsetBy ] [ stages ] [ unwrapping ]',
    (matchers: Matcher[], range: Quantity, offset: Quantity | null, stages: Stage[] | null, unwrap: Unwrap | null): Ranged => logRange(matchers, stages, unwrap, range, offset)),
  ...rule('logRange', 'selector [ stages ] unwrapping RANGE [ offsetBy ]',
    (matchers: Matcher[], stages: Stage[] | null, unwrap: Unwrap, range: Quantity, offset: Quantity | null): Ranged => logRange(matchers, stages, unwrap, range, offset)),
  ...rule('logRange', 'selector stages RANGE [ offsetBy ]',
    (matchers: Matcher[], stages: Stage[], range: Quantity, offset: Quantity | null): Ranged => logRange(matchers, stages, null, range, offset)),
  ...rule('logRange', '( selector [ stages ] [ unwrapping ] ) RANGE [ offsetBy ]',
    (_open: string, matchers: Matcher[], stages: Stage[] | null, unwrap: Unwrap | null, _close: string, range: Quantity, offset: Quantity | null): Ranged =>
      logRange(matchers, stages, unwrap, range, offset)),
  ...rule('logRange', '( selector ) RANGE [ offsetBy ] unwrapping',
    (_open: string, matchers: Matcher[], _close: string, range: Quantity, offset: Quantity | null, unwrap: Unwrap): Ranged => logRange(matchers, null, unwrap, range, offset)),
  ...rule('logRange', '( logRange )', inBrackets),
  ...rule('offsetBy', 'offset DURATION', (_word: string, duration: Quantity) => duration),
  ...rule('unwrapping', '| unwrap IDENTIFIER', (_pipe: string, _word: string, name: string): Unwrap => ({ name, conversion: 'none', filters: [] })),
  ...rule('unwrapping', '| unwrap conversion ( IDENTIFIER )',
    (_pipe: string, _word: string, conversion: Unwrap['conversion'], _open: string, name: string): Unwrap => ({ name, conversion, filters: [] })),
  ...rule('unwrapping', 'unwrapping | labelFilter', (unwrap: Unwrap, _pipe: string, filter: LabelFilter): Unwrap => ({ ...unwrap, filters: [...unwrap.filters, filter] })),
  ...rule('conversion', CONVERSIONS.map(conversionToken)),
]

const AGGREGATIONS = [
  ...rule('rangeAggregation', 'rangeOp ( [ NUMBER , ] logRange ) [ grouping ]',
    (op: RangeOp, _open: string, parameter: string | null, _comma: string, range: LogRange, _close: string, grouping: Grouping | null) =>
      rangeAggregation(op, parameter, range, grouping)),
  ...rule('vectorAggregation', 'vectorOp ( [ NUMBER , ] metric ) [ grouping ]',
    (op: VectorOp, _open: string, parameter: string | null, _comma: string, inner: MetricExpr, _close: string, grouping: Grouping | null) =>
      vectorAggregation(op, parameter, inner, grouping)),
  ...rule('vectorAggregation', 'vectorOp grouping ( [ NUMBER , ] metric )',
    (op: VectorOp, grouping: Grouping, _open: string, parameter: string | null, _comma: string, inner: MetricExpr) => vectorAggregation(op, parameter, inner, grouping)),
  ...rule('rangeOp', RANGE_FUNCTIONS.map((name) => name.toUpperCase())),
  ...rule('vectorOp', VECTOR_FUNCTIONS.map((name) => name.toUpperCase())),
  ...rule('grouping', ['by ( names )', 'without ( names )'], (word: string, _open: string, names: string[]): Grouping => ({ without: word === 'without', names })),
  ...rule('grouping', ['by ( )', 'without ( )'], (word: string): Grouping => ({ without: word === 'without', names: [] })),
  ...list('names', 'IDENTIFIER'),
]

interface Modifier { readonly returnBool: boolean; readonly matching: VectorMatching }
const UNMATCHED: VectorMatching = { on: null, labels: [], card: 'one-to-one', include: [] }
const onLabels = (returnBool: boolean, word: string, _open: string, labels: string[] | null): Modifier =>
  ({ returnBool, matching: { ...UNMATCHED, on: word === 'on', labels: labels ?? [] } })
const grouped = (modifier: Modifier, word: string, include: string[]): Modifier =>
  ({ ...modifier, matching: { ...modifier.matching, card: word === 'group_left' ? 'many-to-one' : 'one-to-many', include } })

const BINARY = [
  ...OPERATORS.flat().flatMap((op) => rule('binary', `expr ${op} modifier expr`,
    (left: Expr, _op: string, { returnBool, matching }: Modifier, right: Expr) => binary(op satisfies BinaryOp, returnBool, matching, left, right))),
  ...rule('boolModifier', '', () => false),
  ...rule('boolModifier', 'bool', () => true),
  ...rule('onModifier', ['boolModifier on ( [ names ] )', 'boolModifier ignoring ( [ names ] )'], onLabels),
  ...rule('modifier', 'boolModifier', (returnBool: boolean): Modifier => ({ returnBool, matching: UNMATCHED })),
  ...rule('modifier', 'onModifier'),
  ...rule('modifier', ['onModifier group_left', 'onModifier group_right', 'onModifier group_left ( )', 'onModifier group_right ( )'],
    (modifier: Modifier, word: string) => grouped(modifier, word, [])),
  ...rule('modifier', ['onModifier group_left ( names )', 'onModifier group_right ( names )'],
    (modifier: Modifier, word: string, _open: string, names: string[]) => grouped(modifier, word, names)),
]

export const METRIC_RULES: ReadonlyArray<Rule> = [...EXPRESSIONS, ...RANGES, ...AGGREGATIONS, ...BINARY]
