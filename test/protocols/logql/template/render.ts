/** Runs one template over one row, as line_format does; its result, or the error's text. */
import { rowsOf } from '../../../support/pipeline-rows.ts'

export function render(template: string, labels: Readonly<Record<string, string>> = {}, line = 'the line'): string {
  const [row] = rowsOf(`| line_format ${JSON.stringify(template)}`, [{ line, metadata: labels }])
  return row!.labels['__error_details__'] ?? row!.line
}

/** What the query is refused with. */
export function refusal(template: string): string {
  try {
    rowsOf(`| line_format ${JSON.stringify(template)}`, [])
    return 'accepted'
  } catch (error) {
    return (error as Error).message.replace(/^.*invalid line template: /s, '')
  }
}
