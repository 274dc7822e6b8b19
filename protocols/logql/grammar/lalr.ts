/**
 * An LALR(1) table generator with the conflict and default-reduction rules of yacc. The language needs it, rather than a parser by hand,
 * because its error messages are defined by it: which tokens a state can shift, and which reductions happen before an error is seen.
 * Method: LR(0) sets of items, then look-aheads by DeRemer and Pennello (1982). Runs once, when the grammar is first used (some 10 ms).
 */

export type Associativity = 'left' | 'right'

export interface Precedence { readonly level: number; readonly associativity: Associativity }

export interface Production { readonly left: string; readonly right: ReadonlyArray<string> }

export interface Grammar {
  /** Terminals in the order in which messages list them; the first is the end of input. */
  readonly terminals: ReadonlyArray<string>
  readonly precedence: ReadonlyMap<string, Precedence>
  /** The first is the start production `start: goal end`. */
  readonly productions: ReadonlyArray<Production>
}

/** `action[state * terminals + t]`: 0 none, s > 0 shift to s, r < 0 reduce production -r. */
export interface Table {
  readonly terminalCount: number
  readonly action: Int16Array
  /** The production a state reduces when no action fits; 0 none. */
  readonly fallback: Int16Array
  /** 1: the state reduces without looking at a token. */
  readonly blind: Uint8Array
  /** `goto[state * nonterminals + n]`. */
  readonly goto: Int16Array
  readonly nonterminalCount: number
  /** Nonterminal number of a production's left side. */
  readonly left: Int16Array
  readonly rightLength: Uint8Array
  readonly stateCount: number
}

/** Right sides are shorter than this; an item is `production * ITEM + dot`. */
const ITEM = 32

interface State { readonly kernel: ReadonlyArray<number>; readonly next: Map<number, number>; readonly items: ReadonlyArray<number> }

/** Symbols as numbers: terminals first, then nonterminals. */
class Numbered {
  readonly terminalCount: number
  readonly nonterminalCount: number
  readonly left: number[]
  readonly right: number[][]
  readonly byLeft: number[][]

  constructor(grammar: Grammar) {
    const numbers = new Map(grammar.terminals.map((name, i) => [name, i]))
    this.terminalCount = grammar.terminals.length
    for (const { left } of grammar.productions) if (!numbers.has(left)) numbers.set(left, numbers.size)
    this.nonterminalCount = numbers.size - this.terminalCount
    const numberOf = (name: string): number => {
      const number = numbers.get(name)
      if (number === undefined) throw new Error(`grammar: ${name} is neither a terminal nor has a production`)
      return number
    }
    this.left = grammar.productions.map((p) => numberOf(p.left))
    this.right = grammar.productions.map((p) => p.right.map(numberOf))
    this.byLeft = Array.from({ length: numbers.size }, () => [])
    this.left.forEach((left, production) => this.byLeft[left]?.push(production))
  }

  after(item: number): number | undefined {
    return this.right[Math.trunc(item / ITEM)]?.[item % ITEM]
  }
}

export function generate(grammar: Grammar): Table {
  const numbered = new Numbered(grammar)
  const states = itemSets(numbered)
  return fill(grammar, numbered, states, lookaheads(numbered, states))
}

function itemSets(g: Numbered): State[] {
  const states: State[] = []
  const known = new Map<string, number>()
  const stateOf = (kernel: number[]): number => {
    const key = kernel.join(' ')
    const found = known.get(key)
    if (found !== undefined) return found
    known.set(key, states.length)
    return states.push({ kernel, next: new Map(), items: closure(g, kernel) }) - 1
  }
  stateOf([0])
  for (let i = 0; i < states.length; i++) {
    const state = states[i]!
    const moves = new Map<number, number[]>()
    for (const item of state.items) {
      const symbol = g.after(item)
      if (symbol === undefined) continue
      const kernel = moves.get(symbol)
      if (kernel === undefined) moves.set(symbol, [item + 1])
      else kernel.push(item + 1)
    }
    for (const [symbol, kernel] of moves) state.next.set(symbol, stateOf(kernel.sort((a, b) => a - b)))
  }
  return states
}

function closure(g: Numbered, kernel: ReadonlyArray<number>): number[] {
  const items = [...kernel]
  const opened = new Set<number>()
  for (let i = 0; i < items.length; i++) {
    const symbol = g.after(items[i]!)
    if (symbol === undefined || opened.has(symbol)) continue
    opened.add(symbol)
    for (const production of g.byLeft[symbol]!) items.push(production * ITEM)
  }
  return items
}

/** Look-ahead sets of complete items: `state * productions + production` -> bits over terminals. */
type Lookaheads = ReadonlyMap<number, Uint32Array>

/** A set of a nonterminal transition, the transitions whose sets it includes, and whether it changed. */
interface Transition { readonly follow: Uint32Array; readonly includes: number[] }

function lookaheads(g: Numbered, states: ReadonlyArray<State>): Lookaheads {
  const words = Math.ceil(g.terminalCount / 32)
  const symbols = g.terminalCount + g.nonterminalCount
  const nullable = nullables(g)
  const transitions = new Map<number, Transition>()
  const key = (state: number, symbol: number): number => state * symbols + symbol
  states.forEach((state, from) => {
    for (const [symbol, to] of state.next) {
      if (symbol < g.terminalCount) continue
      const transition: Transition = { follow: new Uint32Array(words), includes: [] }
      for (const next of states[to]!.next.keys()) {
        if (next < g.terminalCount) transition.follow[next >> 5]! |= 1 << (next & 31)
        else if (nullable.has(next)) transition.includes.push(key(to, next))
      }
      transitions.set(key(from, symbol), transition)
    }
  })
  const looksBack = new Map<number, number[]>()
  const walk = (from: number, production: number, symbol: number): void => {
    const right = g.right[production]!
    let at = from
    right.forEach((part, i) => {
      if (part >= g.terminalCount && right.slice(i + 1).every((s) => nullable.has(s))) transitions.get(key(at, part))!.includes.push(key(from, symbol))
      at = states[at]!.next.get(part)!
    })
    const reduction = at * g.left.length + production
    const back = looksBack.get(reduction)
    if (back === undefined) looksBack.set(reduction, [key(from, symbol)])
    else back.push(key(from, symbol))
  }
  states.forEach((state, from) => {
    for (const symbol of state.next.keys()) if (symbol >= g.terminalCount) for (const production of g.byLeft[symbol]!) walk(from, production, symbol)
  })
  settle(transitions)
  const result = new Map<number, Uint32Array>()
  for (const [reduction, back] of looksBack) {
    const union = new Uint32Array(words)
    for (const transition of back) transitions.get(transition)!.follow.forEach((bits, w) => (union[w]! |= bits))
    result.set(reduction, union)
  }
  return result
}

function nullables(g: Numbered): ReadonlySet<number> {
  const found = new Set<number>()
  for (let before = -1; before !== found.size; ) {
    before = found.size
    g.right.forEach((right, production) => {
      if (right.every((symbol) => found.has(symbol))) found.add(g.left[production]!)
    })
  }
  return found
}

/** Lets every set take in those it includes, until nothing changes. */
function settle(transitions: ReadonlyMap<number, Transition>): void {
  for (let changed = true; changed; ) {
    changed = false
    for (const { follow, includes } of transitions.values()) {
      for (const other of includes) {
        const bits = transitions.get(other)!.follow
        for (let w = 0; w < follow.length; w++) {
          const merged = (follow[w]! | bits[w]!) >>> 0
          if (merged === follow[w]) continue
          follow[w] = merged
          changed = true
        }
      }
    }
  }
}

function fill(grammar: Grammar, g: Numbered, states: ReadonlyArray<State>, ahead: Lookaheads): Table {
  const { terminalCount, nonterminalCount } = g
  const table: Table = {
    terminalCount, nonterminalCount, stateCount: states.length,
    action: new Int16Array(states.length * terminalCount), fallback: new Int16Array(states.length), blind: new Uint8Array(states.length),
    goto: new Int16Array(states.length * nonterminalCount),
    left: Int16Array.from(g.left, (symbol) => symbol - terminalCount), rightLength: Uint8Array.from(g.right, (right) => right.length),
  }
  states.forEach((state, number) => {
    const actions = table.action.subarray(number * terminalCount, (number + 1) * terminalCount)
    for (const [symbol, to] of state.next) {
      if (symbol < terminalCount) actions[symbol] = to
      else table.goto[number * nonterminalCount + symbol - terminalCount] = to
    }
    for (const item of [...state.items].sort((a, b) => a - b)) {
      const production = Math.trunc(item / ITEM)
      if (g.after(item) === undefined && production !== 0) reduceOn(grammar, actions, production, ahead.get(number * g.left.length + production)!)
    }
    table.fallback[number] = takeFallback(actions)
    table.blind[number] = actions.some((a) => a !== 0) ? 0 : 1
  })
  return table
}

/** Enters a reduction on its look-aheads. Conflicts as in yacc: by precedence, else shift; of two reductions the earlier production. */
function reduceOn(grammar: Grammar, actions: Int16Array, production: number, bits: Uint32Array): void {
  const right = grammar.productions[production]!.right
  const last = right.findLast((symbol) => grammar.terminals.includes(symbol))
  const rule = last === undefined ? undefined : grammar.precedence.get(last)
  for (let t = 0; t < actions.length; t++) {
    if (((bits[t >> 5]! >>> (t & 31)) & 1) === 0 || actions[t]! < 0) continue
    if (actions[t] === 0) {
      actions[t] = -production
      continue
    }
    const token = grammar.precedence.get(grammar.terminals[t]!)
    if (rule === undefined || token === undefined) continue
    if (rule.level > token.level || (rule.level === token.level && token.associativity === 'left')) actions[t] = -production
  }
}

/** The commonest reduction becomes what the state does on any other token, and leaves the row. */
function takeFallback(actions: Int16Array): number {
  const counts = new Map<number, number>()
  for (const action of actions) if (action < 0) counts.set(action, (counts.get(action) ?? 0) + 1)
  let best = 0
  let most = 0
  for (const [action, count] of counts) {
    if (count <= most) continue
    best = action
    most = count
  }
  if (best !== 0) actions.forEach((action, t) => { if (action === best) actions[t] = 0 })
  return -best
}
