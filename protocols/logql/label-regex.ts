/**
 * How `| name=~"…"` reads its regular expression: anchored, except where Loki turns it into a search. It takes a literal next to `.*`, and a literal in front
 * of alternatives, for "contains" wherever it stands (`l.*` accepts `null`), and this can be seen in answers. Alternatives that begin alike are first
 * written with their common beginning in front, as RE2's parser does. Used by label filters only: stream selectors, drop and keep are anchored.
 */
import type { RegexNode } from './regex-syntax.ts'
import { parseRegex } from './regex-syntax.ts'
import { compileRegex } from './regex.ts'
import type { ValuePredicate } from './matchers.ts'

interface Text { readonly text: string; readonly fold: boolean }
type Piece = ({ readonly kind: 'text' } & Text) | { readonly kind: 'any' } | { readonly kind: 'some' } | { readonly kind: 'alternatives'; readonly legs: ReadonlyArray<Sequence> } | { readonly kind: 'other' }
type Sequence = ReadonlyArray<Piece>

/** Sequences of more pieces than this are matched as they are written. */
const PIECES_MAX = 3

export function labelRegex(pattern: string): ValuePredicate {
  const node = parseRegex(pattern, false)
  const searched = node === null ? null : simplified(sequenceOf(node))
  if (searched !== null) return searched
  const regex = compileRegex(pattern)
  return (value) => regex.fullMatch(value)
}

// ---- trees to pieces

function sequenceOf(node: RegexNode): Sequence {
  switch (node.kind) {
    case 'literal': return [{ kind: 'text', text: node.char, fold: node.fold }]
    case 'group': return sequenceOf(node.node)
    case 'concat': return joined(node.nodes.flatMap((part) => (part.kind === 'group' ? grouped(part.node) : sequenceOf(part))))
    case 'alternate': return factored(node.nodes.map(sequenceOf))
    case 'repeat': return [{ kind: isDot(node.node) && node.max === Infinity ? (node.min === 0 ? 'any' : node.min === 1 ? 'some' : 'other') : 'other' }]
    default: return [{ kind: 'other' }]
  }
}

/** A group inside a sequence counts only when it is alternatives or one literal. */
function grouped(node: RegexNode): Sequence {
  const sequence = sequenceOf(node)
  return sequence.length === 1 ? sequence : [{ kind: 'other' }]
}

const isDot = (node: RegexNode): boolean => node.kind === 'class' && node.negated && node.unicode.length === 0 && node.ranges.length === 1 && node.ranges[0]![0] === 10 && node.ranges[0]![1] === 10

function joined(pieces: Sequence): Sequence {
  const out: Piece[] = []
  for (const piece of pieces) {
    const last = out.at(-1)
    if (piece.kind === 'text' && last?.kind === 'text' && last.fold === piece.fold) out[out.length - 1] = { ...last, text: last.text + piece.text }
    else out.push(piece)
  }
  return out
}

/** Neighbouring legs that begin with the same letters share them. */
function factored(legs: ReadonlyArray<Sequence>): Sequence {
  const out: Sequence[] = []
  for (let i = 0; i < legs.length; ) {
    let prefix = beginningOf(legs[i]!)
    let end = i + 1
    for (; end < legs.length; end++) {
      const shared = commonPrefix(prefix, beginningOf(legs[end]!))
      if (shared === null) break
      prefix = shared
    }
    out.push(end === i + 1 || prefix === null ? legs[i]! : [{ kind: 'text', ...prefix }, ...alternatives(legs.slice(i, end).map((leg) => without(leg, [...prefix!.text].length)))])
    i = Math.max(end, i + 1)
  }
  return out.length === 1 ? out[0]! : alternatives(out)
}

function alternatives(legs: ReadonlyArray<Sequence>): Sequence {
  const isChar = (leg: Sequence): boolean => leg.length === 1 && leg[0]!.kind === 'text' && [...leg[0]!.text].length === 1
  const isClass = legs.some((leg, i) => isChar(leg) && legs[i + 1] !== undefined && isChar(legs[i + 1]!))
  return [isClass ? { kind: 'other' } : { kind: 'alternatives', legs }]
}

const beginningOf = ([first]: Sequence): Text | null => (first?.kind === 'text' ? first : null)

function commonPrefix(a: Text | null, b: Text | null): Text | null {
  if (a === null || b === null || a.fold !== b.fold) return null
  const [x, y] = [[...a.text], [...b.text]]
  let shared = 0
  while (shared < x.length && x[shared] === y[shared]) shared++
  return shared === 0 ? null : { text: x.slice(0, shared).join(''), fold: a.fold }
}

function without(leg: Sequence, count: number): Sequence {
  const [first, ...rest] = leg
  if (first?.kind !== 'text') return leg
  const text = [...first.text].slice(count).join('')
  return text === '' ? rest : [{ ...first, text }, ...rest]
}

// ---- pieces to predicates

function simplified(sequence: Sequence): ValuePredicate | null {
  if (sequence.length === 0) return () => true
  const [only] = sequence
  if (sequence.length > 1) return simplifiedConcat(sequence, null)
  switch (only!.kind) {
    case 'text': return equals(only!)
    case 'any': return () => true
    case 'some': return (value) => value !== ''
    case 'alternatives': return anyOf(only!.legs.map(simplified))
    default: return null
  }
}

function simplifiedConcat(sequence: Sequence, before: Text | null): ValuePredicate | null {
  if (sequence.length > PIECES_MAX) return null
  let base = before
  let literals = 0
  const found: Array<ValuePredicate | null> = []
  for (const piece of sequence) {
    if (piece.kind === 'text') {
      if (literals++ > 0) return null
      base = { text: (base?.text ?? '') + piece.text, fold: piece.fold }
    } else if (piece.kind === 'alternatives' && base !== null) {
      for (const leg of piece.legs) found.push(afterBase(leg, base))
    } else if (piece.kind !== 'any') return null
  }
  if (found.length > 0) return anyOf(found)
  return base === null ? null : contains(base)
}

function afterBase(leg: Sequence, base: Text): ValuePredicate | null {
  const [first] = leg
  if (first === undefined) return contains(base)
  if (leg.length > 1) return simplifiedConcat(leg, base)
  if (first.kind === 'any') return contains(base)
  if (first.kind !== 'text' || (first.fold && !base.fold)) return null
  return contains({ text: base.text + first.text, fold: base.fold })
}

function anyOf(predicates: ReadonlyArray<ValuePredicate | null>): ValuePredicate | null {
  const all = predicates.filter((predicate) => predicate !== null)
  return all.length === predicates.length ? (value) => all.some((predicate) => predicate(value)) : null
}

function contains({ text, fold }: Text): ValuePredicate {
  const wanted = text.toLowerCase()
  return fold ? (value) => value.toLowerCase().includes(wanted) : (value) => value.includes(text)
}

function equals({ text, fold }: Text): ValuePredicate {
  const wanted = text.toLowerCase()
  return fold ? (value) => value.toLowerCase() === wanted : (value) => value === text
}
