/** The table generator, on grammars small enough to check by hand. */
import { describe, expect, it } from 'vitest'
import { generate, type Grammar, type Table } from '../../../protocols/logql/grammar/lalr.ts'
import { apply, rule } from '../../../protocols/logql/grammar/rules.ts'

/** Brackets as the table reduces: terminals by name, productions as (…). */
function bracketed(grammar: Grammar, table: Table, input: ReadonlyArray<string>): string {
  const states = [0]
  const values: string[] = []
  const rest = [...input, '$end']
  for (;;) {
    const state = states.at(-1)!
    const token = rest[0]!
    const action = table.action[state * table.terminalCount + grammar.terminals.indexOf(token)]!
    if (action > 0 && token === '$end') return values[0]!
    if (action > 0) {
      states.push(action)
      values.push(rest.shift()!)
      continue
    }
    const production = action < 0 ? -action : table.fallback[state]!
    if (production === 0) return `error at ${token}`
    const parts = values.splice(values.length - table.rightLength[production]!)
    states.length -= parts.length
    values.push(parts.length === 1 ? parts[0]! : `(${parts.join('')})`)
    states.push(table.goto[states.at(-1)! * table.nonterminalCount + table.left[production]!]!)
  }
}

const calculator: Grammar = {
  terminals: ['$end', 'n', '+', '*', '^', '-'],
  precedence: new Map([['+', { level: 0, associativity: 'left' }], ['*', { level: 1, associativity: 'left' }], ['^', { level: 2, associativity: 'right' }]]),
  productions: ['start: e $end', 'e: e + e', 'e: e * e', 'e: e ^ e', 'e: n', 'e: maybe - e', 'maybe:'].map((text) => {
    const [left = '', right = ''] = text.split(':')
    return { left, right: right.split(' ').filter((part) => part !== '') }
  }),
}

describe('tables', () => {
  const table = generate(calculator)
  it.each([['n + n * n', '(n+(n*n))'], ['n * n + n', '((n*n)+n)'], ['n + n + n', '((n+n)+n)'], ['n ^ n ^ n', '(n^(n^n))'], ['- n', '(()-n)'], ['n + + n', 'error at +'], ['n n', 'error at n'], ['', 'error at $end']])(
    '%s is read as %s', (text, expected) => {
      expect(bracketed(calculator, table, text.split(' ').filter((t) => t !== ''))).toBe(expected)
    })

  it('tells apart what LR(0) and SLR cannot', () => {
    const pointers: Grammar = {
      terminals: ['$end', '=', '*', 'id'], precedence: new Map(),
      productions: [['start', 's $end'], ['s', 'l = r'], ['s', 'r'], ['l', '* r'], ['l', 'id'], ['r', 'l']].map(([left = '', right = '']) => ({ left, right: right.split(' ') })),
    }
    const made = generate(pointers)
    expect(bracketed(pointers, made, ['*', 'id', '=', 'id'])).toBe('((*id)=id)')
    expect(bracketed(pointers, made, ['*', '*', 'id'])).toBe('(*(*id))')
    expect(bracketed(pointers, made, ['id', '=', '='])).toBe('error at =')
  })

  it('names a symbol that nothing produces', () => {
    expect(() => generate({ ...calculator, productions: [{ left: 'start', right: ['nothing', '$end'] }] })).toThrow('nothing is neither a terminal nor has a production')
  })
})

describe('rules', () => {
  it('expand optional parts and give their actions nulls for what is absent', () => {
    const rules = rule('x', 'a [ b c ] d [ e ]', (...parts: never[]) => parts)
    expect(rules.map((r) => r.right.join(' '))).toEqual(['a d', 'a b c d', 'a d e', 'a b c d e'])
    expect(apply(rules[2]!, ['A', 'D', 'E'])).toEqual(['A', null, null, 'D', 'E'])
  })
})
