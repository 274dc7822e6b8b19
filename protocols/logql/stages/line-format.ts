/**
 * `| line_format "{{.method}} {{.path}}"`
 *
 * Replaces the line by what the template makes of the labels. When it fails the line stays, with `__error__="TemplateFormatErr"`.
 */
import type { LineState } from '../line-state.ts'
import { ExecutionError } from '../template/evaluate.ts'
import { TemplateSyntaxError } from '../template/parser.ts'
import { RowTemplate } from '../template/row-template.ts'
import { type RowStage, StageError } from './stage.ts'

const TEMPLATE_FORMAT_ERROR = 'TemplateFormatErr'

export function compileLineFormat(text: string, nowMs: number): RowStage {
  const template = compileTemplate('line', text, nowMs, (message) => `invalid line template: ${message}`)
  return (state) => {
    const line = renderOr(state, template)
    if (line !== null) state.setLine(line)
    return true
  }
}

export function compileTemplate(name: string, text: string, nowMs: number, describe: (message: string) => string): RowTemplate {
  try {
    return new RowTemplate(name, text, nowMs)
  } catch (error) {
    if (error instanceof TemplateSyntaxError) throw new StageError(describe(error.message))
    throw error
  }
}

/** null: it failed, and the row has the error. */
export function renderOr(state: LineState, template: RowTemplate): string | null {
  try {
    return template.render(state)
  } catch (error) {
    if (!(error instanceof ExecutionError)) throw error
    state.setError(TEMPLATE_FORMAT_ERROR, error.message)
    return null
  }
}
