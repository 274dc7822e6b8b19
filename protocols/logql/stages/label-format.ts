/**
 * `| label_format new=old, other="{{.a}}-{{.b}}"`
 *
 * Renames labels (the old name goes away, the label stays in its category) or makes them from templates, from left to right. Renaming what is not there does
 * nothing.
 */
import type { LabelFormat } from '../ast.ts'
import { ERROR_LABEL, type LineState, PARSED } from '../line-state.ts'
import { compileTemplate, renderOr } from './line-format.ts'
import { type RowStage, StageError } from './stage.ts'

export function compileLabelFormat(formats: ReadonlyArray<LabelFormat>, nowMs: number): RowStage {
  const seen = new Set<string>()
  for (const { name } of formats) {
    if (name === ERROR_LABEL) throw new StageError(`${ERROR_LABEL} cannot be formatted`)
    if (seen.has(name)) throw new StageError(`multiple label name '${name}' not allowed in a single format operation`)
    seen.add(name)
  }
  const steps = formats.map((format) => (format.kind === 'rename' ? renamer(format.name, format.from) : maker(format.name, format.template, nowMs)))
  return (state) => {
    for (const step of steps) step(state)
    return true
  }
}

type Step = (state: LineState) => void

function renamer(to: string, from: string): Step {
  return (state) => {
    const value = state.get(from)
    const category = state.categoryOf(from)
    if (value === undefined || category === null) return
    state.set(to, value, category)
    state.delete(from)
  }
}

function maker(name: string, text: string, nowMs: number): Step {
  const template = compileTemplate('label', text, nowMs, (message) => `invalid template for label '${name}': ${message}`)
  return (state) => {
    const value = renderOr(state, template)
    if (value !== null) state.set(name, value, PARSED)
  }
}
