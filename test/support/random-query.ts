/**
 * Random LogQL trees that the parser could have made: for properties such as `parse(format(e)) = e`, and for comparing ways to run a query.
 * Seeded: the same seed gives the same queries. Label names and words come from small sets so that queries over test data match something.
 */
import type {
  BinaryOp, CompareOp, Expr, Grouping, LabelFilter, LineFilter, LogExpr, LogRange, Matcher, MatcherOp, MetricExpr, RangeOp, Stage, Unwrap, VectorMatching, VectorOp,
} from '../../protocols/logql/ast.ts'
import { formatGoDuration } from '../../protocols/logql/durations.ts'

export interface QueryWords {
  readonly names: ReadonlyArray<string>
  readonly values: ReadonlyArray<string>
  readonly words: ReadonlyArray<string>
  /** The first matcher of every selector, where queries are to find something. */
  readonly anchor?: Matcher
}

export const ODD_WORDS: QueryWords = {
  names: ['app', 'env', 'rate', 'sum', 'ip', 'status', 'bytes', '_x1'],
  values: ['api', '', 'a"b', 'ü\n\t\\', '10.0.0.0/8', '5', 'x`y', '\u{1F98A}', '\u0000\u007f'],
  words: ['error', 'a|b', 'GET /', '"quoted"', 'tab\there', '日本'],
}

/** Small fast generator of random numbers (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const COMPARISONS: ReadonlyArray<CompareOp> = ['==', '!=', '>', '>=', '<', '<=']
const UNWRAPPED: ReadonlyArray<RangeOp> = [
  'sum_over_time', 'avg_over_time', 'min_over_time', 'max_over_time', 'stddev_over_time', 'stdvar_over_time', 'first_over_time', 'last_over_time', 'rate', 'rate_counter', 'quantile_over_time',
]
const PLAIN: ReadonlyArray<RangeOp> = ['rate', 'count_over_time', 'bytes_rate', 'bytes_over_time', 'absent_over_time']
const GROUPED = /^(avg|min|max|stddev|stdvar|quantile|first|last)_over_time$/
const BINARY: ReadonlyArray<BinaryOp> = ['+', '-', '*', '/', '%', '^', ...COMPARISONS, 'and', 'or', 'unless']

export class RandomQueries {
  private readonly random: () => number
  private readonly words: QueryWords

  constructor(seed: number, words: QueryWords = ODD_WORDS) {
    this.random = randomOf(seed)
    this.words = words
  }

  expr(): Expr {
    return this.chance(0.4) ? this.log() : this.metric(3)
  }

  log(): LogExpr {
    const { anchor } = this.words
    const matchers: Matcher[] = anchor === undefined ? [{ name: this.name(), op: '=', value: 'api' }, ...this.some(2, () => this.matcher())] : [anchor, ...(this.chance(0.15) ? [this.matcher()] : [])]
    return { kind: 'log', matchers, stages: this.some(4, () => this.stage()) }
  }

  metric(depth: number): MetricExpr {
    const leaf = depth <= 0 || this.chance(0.4)
    if (leaf) return this.chance(0.85) ? this.range() : { kind: 'constant', value: this.below(1000) / 8 }
    return this.pick([() => this.vector(depth), () => this.vector(depth), () => this.binary(depth), () => this.labelReplace(depth)])()
  }

  private vector(depth: number): MetricExpr {
    const op = this.pick<VectorOp>(['sum', 'avg', 'count', 'min', 'max', 'stddev', 'stdvar', 'topk', 'bottomk', 'sort', 'sort_desc'])
    const counted = op === 'topk' || op === 'bottomk'
    return { kind: 'vector', op, parameter: counted ? 1 + this.below(5) : null, grouping: op.startsWith('sort') ? null : this.grouping(), inner: this.metric(depth - 1) }
  }

  private range(): MetricExpr {
    const unwrap = this.chance(0.4) ? this.unwrap() : null
    const op = this.pick(unwrap === null ? PLAIN : UNWRAPPED)
    const range: LogRange = { log: this.log(), unwrap, rangeNs: (1 + this.below(5000)) * this.pick([1e9, 60e9, 3600e9]), offsetNs: this.pick([0, 0, 3600e9, -90e9]) }
    return { kind: 'range', op, parameter: op === 'quantile_over_time' ? this.below(100) / 100 : null, range, grouping: GROUPED.test(op) ? this.grouping() : null }
  }

  private unwrap(): Unwrap {
    return { name: this.name(), conversion: this.pick(['none', 'bytes', 'duration', 'duration_seconds'] as const), filters: this.some(2, () => this.filter(1)) }
  }

  private binary(depth: number): MetricExpr {
    const op = this.pick(BINARY)
    const isSet = op === 'and' || op === 'or' || op === 'unless'
    const card = isSet ? 'many-to-many' as const : this.pick(['one-to-one', 'one-to-one', 'many-to-one', 'one-to-many'] as const)
    const grouped = card === 'many-to-one' || card === 'one-to-many'
    const on = grouped || this.chance(0.4) ? this.chance(0.5) : null
    const matching: VectorMatching = { on, labels: on === null ? [] : this.names(), card, include: grouped ? this.names() : [] }
    const left: MetricExpr = this.metric(depth - 1)
    const right: MetricExpr = !isSet && this.chance(0.3) ? { kind: 'literal', value: this.below(100) / 4 } : this.metric(depth - 1)
    return { kind: 'binary', op, returnBool: this.chance(0.2), matching, left, right }
  }

  private labelReplace(depth: number): MetricExpr {
    return { kind: 'labelReplace', inner: this.metric(depth - 1), target: this.name(), replacement: '$1', source: this.name(), pattern: '(.*)-x' }
  }

  private grouping(): Grouping | null {
    return this.chance(0.5) ? { without: this.chance(0.3), names: this.names() } : null
  }

  private matcher(): Matcher {
    const op = this.pick<MatcherOp>(['=', '!=', '=~', '!~'])
    return { name: this.name(), op, value: op.endsWith('~') ? this.pick(['a.+', 'api|web', '.*', '(?i)x']) : this.pick(this.words.values) }
  }

  stage(): Stage {
    return this.pick<() => Stage>([
      () => this.lineFilter(), () => this.lineFilter(), () => ({ kind: 'labelFilter', filter: this.filter(3) }),
      () => ({ kind: 'json', extractions: this.some(2, () => ({ name: this.name(), expression: 'a.b["c d"][0]' })) }),
      () => ({ kind: 'logfmt', strict: this.chance(0.3), keepEmpty: this.chance(0.3), extractions: this.some(2, () => ({ name: this.name(), expression: 'x' })) }),
      () => ({ kind: 'regexp', pattern: '(?P<code>\\d+) (?P<rest>.*)' }), () => ({ kind: 'pattern', pattern: '<ip> - "<verb> <_>"' }),
      () => ({ kind: 'unpack' }), () => ({ kind: 'decolorize' }), () => ({ kind: 'lineFormat', template: '{{.app}} `é`' }),
      () => ({ kind: 'labelFormat', formats: [{ name: 'one', kind: 'rename', from: this.name() }, { name: 'two', kind: 'template', template: '{{.x | ToUpper}}' }] }),
      () => ({ kind: this.pick(['drop', 'keep'] as const), names: [{ kind: 'name', name: this.name() }, { kind: 'matcher', matcher: this.matcher() }] }),
    ])()
  }

  private lineFilter(): LineFilter {
    const op = this.pick(['|=', '!=', '|~', '!~', '|>', '!>'] as const)
    const ip = (op === '|=' || op === '!=') && this.chance(0.15)
    const value = (): string => (ip ? '10.0.0.0/8' : op.endsWith('>') ? `<_>${this.pick(this.words.words)}<_>` : this.pick(this.words.words))
    return { kind: 'lineFilter', op, terms: [{ ip, value: value() }, ...this.some(2, () => ({ ip, value: value() }))] }
  }

  private filter(depth: number): LabelFilter {
    const name = this.name()
    if (depth > 0 && this.chance(0.35)) return { kind: this.pick(['and', 'or'] as const), left: this.filter(depth - 1), right: this.filter(depth - 1) }
    const op = this.pick(COMPARISONS)
    const ns = this.below(1e6) * 1e6
    const kilobytes = this.below(900)
    return this.pick<() => LabelFilter>([
      () => ({ kind: 'string', matcher: this.matcher() }), () => ({ kind: 'number', name, op, value: this.below(2000) / 4 - 250 }),
      () => ({ kind: 'duration', name, op, value: ns, text: formatGoDuration(ns) }), () => ({ kind: 'bytes', name, op, value: kilobytes, text: `${kilobytes}B` }),
      () => ({ kind: 'ip', name, op: this.pick(['=', '!='] as const), value: '10.0.0.1-10.0.0.9' }),
    ])()
  }

  private name(): string {
    return this.pick(this.words.names)
  }

  private names(): string[] {
    return this.some(2, () => this.name())
  }

  private some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make)
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  private chance(probability: number): boolean {
    return this.random() < probability
  }

  private pick<T>(choices: ReadonlyArray<T>): T {
    const chosen = choices[this.below(choices.length)]
    if (chosen === undefined) throw new Error('nothing to pick from')
    return chosen
  }
}
