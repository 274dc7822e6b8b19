/**
 * `| drop a, b="x", __error__` and `| keep a, b=~"x.*"`
 *
 * Takes labels away by name, or where a matcher accepts their value. Dropping `__error__` clears the error; keep never takes it away.
 */
import type { NameMatcher } from '../ast.ts'
import { ERROR_DETAILS_LABEL, ERROR_LABEL, type LineState } from '../line-state.ts'
import { compileMatcher } from '../matchers.ts'
import type { RowStage } from './stage.ts'

interface Choice {
  readonly name: string
  /** null: whatever its value. */
  readonly accepts: ((value: string) => boolean) | null
}

const choiceOf = (one: NameMatcher): Choice =>
  one.kind === 'name' ? { name: one.name, accepts: null } : { name: one.matcher.name, accepts: compileMatcher(one.matcher) }

export function compileDrop(names: ReadonlyArray<NameMatcher>): RowStage {
  const choices = names.map(choiceOf)
  return (state) => {
    for (const choice of choices) drop(state, choice)
    return true
  }
}

function drop(state: LineState, { name, accepts }: Choice): void {
  if (accepts !== null && !accepts(state.label(name))) return
  if (name === ERROR_LABEL) state.error = ''
  else if (name === ERROR_DETAILS_LABEL) state.errorDetails = ''
  else if (state.get(name) !== undefined) state.delete(name)
}

export function compileKeep(names: ReadonlyArray<NameMatcher>): RowStage {
  const choices = names.map(choiceOf)
  return (state) => {
    const lost: string[] = []
    state.visit((name, value) => {
      if (!choices.some((choice) => choice.name === name && (choice.accepts === null || choice.accepts(value)))) lost.push(name)
    })
    for (const name of lost) state.delete(name)
    return true
  }
}
