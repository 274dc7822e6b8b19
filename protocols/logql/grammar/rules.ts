/**
 * How rules of the grammar are written: `rule(name, ['a [ b ] c', …], action)`. Brackets are optional parts (an absent part gives the action nulls, so
 * the argument count never changes); every alternative shares the action. Expanded here into plain productions for the table generator.
 */
import type { Production } from './lalr.ts'

/** Receives what the parts of the right side stand for: token values, and results of other actions. Types are the rule's own promise. */
export type Action = (...parts: never[]) => unknown

export interface Rule extends Production {
  readonly action: Action
  /** Argument positions of the parts that are present, of `arity` in all. */
  readonly positions: ReadonlyArray<number>
  readonly arity: number
}

/** An action that hands its first part on. */
export const pass: Action = (part: unknown) => part

export const rule = (left: string, alternatives: string | ReadonlyArray<string>, action: Action = pass): Rule[] =>
  [alternatives].flat().flatMap((text) => {
    const symbols = text.split(' ').filter((s) => s !== '')
    const arity = symbols.filter((s) => s !== '[' && s !== ']').length
    return expand(symbols).map((parts) => ({ left, right: parts.map((p) => p.symbol), positions: parts.map((p) => p.position), arity, action }))
  })

interface Part { readonly symbol: string; readonly position: number }

/** All ways to take or leave the bracketed parts, fullest last; brackets do not nest. */
function expand(symbols: ReadonlyArray<string>): Part[][] {
  let forms: Part[][] = [[]]
  let without: Part[][] = []
  let position = 0
  for (const symbol of symbols) {
    if (symbol === '[') without = forms.map((form) => [...form])
    else if (symbol === ']') forms = [...without, ...forms]
    else {
      const part = { symbol, position: position++ }
      forms = forms.map((form) => [...form, part])
    }
  }
  return forms
}

export function apply(rule: Rule, values: ReadonlyArray<unknown>): unknown {
  if (rule.positions.length === rule.arity) return (rule.action as (...parts: unknown[]) => unknown)(...values)
  const parts = Array.from<unknown>({ length: rule.arity }).fill(null)
  rule.positions.forEach((position, i) => (parts[position] = values[i]))
  return (rule.action as (...parts: unknown[]) => unknown)(...parts)
}
