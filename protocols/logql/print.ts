/**
 * Syntax tree -> LogQL text, in the forms Loki prints: `format` on one line (stage errors, logs, keys), `prettify` as `/format_query` answers.
 * `parse(format(e))` gives `e` again, and so does `parse(prettify(e))`.
 */
import type {
  BinaryExpr, Expr, Extraction, Grouping, LabelFilter, LabelFormat, LineFilter, LogExpr, LogRange, Matcher, MetricExpr, NameMatcher, Stage, Unwrap,
} from './ast.ts'
import { formatBytes, formatGoDuration, formatPrometheusDuration, parseBytes } from './durations.ts'
import { goFloat, goQuote } from './go-text.ts'

/** Longer expressions are split over lines. */
const LINE_CHARS_MAX = 100

/** What was printed of parts of an expression: a layout asks on every level whether all below fits a line. */
type Printed = Map<Expr, string>

/** One line. */
export const format = (expr: Expr): string => onOneLine(expr, new Map())

function onOneLine(expr: Expr, printed: Printed): string {
  const text = printed.get(expr) ?? print(expr, printed)
  printed.set(expr, text)
  return text
}

/** Long texts of inner expressions are only put into templates, never joined: V8 then copies them once, at the end, and not on every level. */
function print(expr: Expr, printed: Printed): string {
  const inside = (inner: Expr): string => onOneLine(inner, printed)
  switch (expr.kind) {
    case 'log': return [formatSelector(expr.matchers), ...expr.stages.map(formatStage)].join(' ')
    case 'literal': return formatNumber(expr.value)
    case 'constant': return `vector(${expr.value.toFixed(6)})`
    case 'binary': return `(${inside(expr.left)} ${formatOperator(expr)} ${inside(expr.right)})`
    case 'range': return `${expr.op}(${expr.parameter === null ? '' : `${goFloat(expr.parameter)},`}${formatRange(expr.range)})${formatGrouping(expr.grouping)}`
    case 'vector': return `${expr.op}${formatGrouping(expr.grouping)}(${expr.parameter === null ? '' : `${expr.parameter},`}${inside(expr.inner)})`
    case 'labelReplace': return `label_replace(${inside(expr.inner)},${labelReplaceTexts(expr).join(',')})`
  }
}

/** `{a="b", c=~"d"}` */
const formatSelector = (matchers: ReadonlyArray<Matcher>): string => `{${matchers.map(formatMatcher).join(', ')}}`

const formatMatcher = ({ name, op, value }: Matcher): string => `${name}${op}${goQuote(value)}`

/** A stage with its leading `|`. */
export function formatStage(stage: Stage): string {
  switch (stage.kind) {
    case 'lineFilter': return formatLineFilter(stage)
    case 'json': return ['| json', ...formatExtractions(stage.extractions)].join(' ')
    case 'logfmt': {
      const flags = [...(stage.strict ? ['--strict'] : []), ...(stage.keepEmpty ? ['--keep-empty'] : [])]
      return ['| logfmt', ...flags, ...formatExtractions(stage.extractions)].join(' ')
    }
    case 'regexp': case 'pattern': return `| ${stage.kind} ${goQuote(stage.pattern)}`
    case 'unpack': case 'decolorize': return `| ${stage.kind}`
    case 'labelFilter': return `| ${formatLabelFilter(stage.filter)}`
    case 'lineFormat': return `| line_format ${goQuote(stage.template)}`
    case 'labelFormat': return `| label_format ${stage.formats.map(formatLabelFormat).join(',')}`
    case 'drop': case 'keep': return `| ${stage.kind} ${stage.names.map(formatName).join(',')}`
  }
}

function formatLineFilter({ op, terms }: LineFilter): string {
  return `${op} ${terms.map(({ ip, value }) => (ip ? `ip(${goQuote(value)})` : goQuote(value))).join(' or ')}`
}

const formatExtractions = (extractions: ReadonlyArray<Extraction>): string[] =>
  extractions.length === 0 ? [] : [extractions.map(({ name, expression }) => `${name}=${goQuote(expression)}`).join(',')]

const formatLabelFormat = (format: LabelFormat): string => `${format.name}=${format.kind === 'rename' ? format.from : goQuote(format.template)}`

const formatName = (name: NameMatcher): string => (name.kind === 'name' ? name.name : formatMatcher(name.matcher))

function formatLabelFilter(filter: LabelFilter): string {
  switch (filter.kind) {
    case 'string': return formatMatcher(filter.matcher)
    case 'number': return `${filter.name}${filter.op}${goFloat(filter.value)}`
    case 'duration': return `${filter.name}${filter.op}${formatGoDuration(filter.value)}`
    case 'bytes': return `${filter.name}${filter.op}${formatSize(filter.value)}`
    case 'ip': return `${filter.name}${filter.op}ip(${goQuote(filter.value)})`
    case 'and': return `( ${formatLabelFilter(filter.left)} , ${formatLabelFilter(filter.right)} )`
    case 'or': return `( ${formatLabelFilter(filter.left)} or ${formatLabelFilter(filter.right)} )`
  }
}

/** Humanised as Loki does where that keeps the value; else whole bytes, since a printed query must mean the same. */
function formatSize(bytes: number): string {
  const short = formatBytes(bytes).replace(' ', '')
  return parseBytes(short) === bytes ? short : `${goFloat(bytes)}B`
}

function formatRange({ log, unwrap, rangeNs, offsetNs }: LogRange): string {
  const unwrapping = unwrap === null ? '' : ` ${[formatUnwrap(unwrap), ...unwrap.filters.map((f) => `| ${formatLabelFilter(f)}`)].join(' ')}`
  return `${format(log)}${unwrapping}[${formatPrometheusDuration(rangeNs)}]${formatOffset(offsetNs)}`
}

const formatUnwrap = ({ name, conversion }: Unwrap): string => `| unwrap ${conversion === 'none' ? name : `${conversion}(${name})`}`

const formatOffset = (ns: number): string => {
  if (ns === 0) return ''
  return ` offset ${ns < 0 || ns % 1e6 !== 0 ? formatGoDuration(ns) : formatPrometheusDuration(ns)}`
}

const formatGrouping = (grouping: Grouping | null): string =>
  grouping === null ? '' : ` ${grouping.without ? 'without' : 'by'} (${grouping.names.join(',')})`

function formatOperator({ op, returnBool, matching }: BinaryExpr): string {
  const parts: string[] = [op]
  if (returnBool) parts.push('bool')
  if (matching.on !== null) parts.push(matching.on ? 'on' : 'ignoring', `(${matching.labels.join(',')})`)
  const side = matching.card === 'many-to-one' ? 'group_left' : matching.card === 'one-to-many' ? 'group_right' : null
  if (side !== null) parts.push(side, `(${matching.include.join(',')})`)
  return parts.join(' ')
}

const labelReplaceTexts = (expr: Extract<MetricExpr, { kind: 'labelReplace' }>): string[] =>
  [expr.target, expr.replacement, expr.source, expr.pattern].map(goQuote)

/** Go's `%v` of a float: shortest digits, an exponent below 1e-4 and from 1e21. */
export function formatNumber(value: number): string {
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  const magnitude = Math.abs(value)
  if (Object.is(value, -0)) return '-0'
  if (!(magnitude < 1e21 && (magnitude >= 1e-4 || magnitude === 0)) && !Number.isNaN(value)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  }
  return String(value)
}

const indent = (level: number): string => '  '.repeat(level)

/** As `/format_query` lays a query out: 2 spaces a level, one stage a line, operators alone on theirs; short expressions stay whole. */
export const prettify = (expr: Expr): string => layOut(expr, 0, new Map())

function layOut(expr: Expr, level: number, printed: Printed): string {
  const short = onOneLine(expr, printed)
  if (fitsLine(short)) return indent(level) + short
  switch (expr.kind) {
    case 'log': return prettyLog(expr, level)
    case 'literal': case 'constant': return indent(level) + short
    case 'range': {
      const parameter = expr.parameter === null ? [] : [indent(level + 1) + goFloat(expr.parameter)]
      return prettyCall(expr.op, [...parameter, prettyRange(expr.range, level + 1, printed)], level) + formatGrouping(expr.grouping)
    }
    case 'vector': {
      const parameter = expr.parameter === null ? [] : [indent(level + 1) + String(expr.parameter)]
      return prettyCall(expr.op + formatGrouping(expr.grouping), [...parameter, layOut(expr.inner, level + 1, printed)], level)
    }
    case 'labelReplace': return prettyCall('label_replace', [layOut(expr.inner, level + 1, printed), ...labelReplaceTexts(expr).map((t) => indent(level + 1) + t)], level)
    case 'binary': return `${prettyOperand(expr.left, level + 1, printed)}\n${indent(level)}${formatOperator(expr)}\n${prettyOperand(expr.right, level + 1, printed)}`
  }
}

const prettyCall = (name: string, args: ReadonlyArray<string>, level: number): string => `${indent(level)}${name}(\n${args.reduce((before, one) => `${before},\n${one}`)}\n${indent(level)})`

/** Characters, not UTF-16 units. */
const fitsLine = (text: string): boolean => text.length <= LINE_CHARS_MAX || (text.length <= 2 * LINE_CHARS_MAX && Array.from(text).length <= LINE_CHARS_MAX)

/** An operation inside another keeps its brackets when it is split. */
function prettyOperand(expr: MetricExpr, level: number, printed: Printed): string {
  const isSplit = expr.kind === 'binary' && !fitsLine(onOneLine(expr, printed))
  return isSplit ? `${indent(level)}(\n${layOut(expr, level + 1, printed)}\n${indent(level)})` : layOut(expr, level, printed)
}

function prettyLog({ matchers, stages }: LogExpr, level: number): string {
  return [indent(level) + formatSelector(matchers), ...stages.map((stage) => indent(level + 1) + formatStage(stage))].join('\n')
}

function prettyRange({ log, unwrap, rangeNs, offsetNs }: LogRange, level: number, printed: Printed): string {
  const lines = [layOut(log, level, printed)]
  if (unwrap !== null) lines.push(indent(level + 1) + formatUnwrap(unwrap), ...unwrap.filters.map((filter) => `${indent(level + 1)}| ${formatLabelFilter(filter)}`))
  return `${lines.join('\n')} [${formatPrometheusDuration(rangeNs)}]${formatOffset(offsetNs)}`
}
