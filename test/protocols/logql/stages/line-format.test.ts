import { describe, expect, it } from 'vitest'
import { linesAfter, rowsOf } from '../../../support/pipeline-rows.ts'

describe('| line_format', () => {
  it('makes the line from labels of every kind, and from the line', () => {
    const entry = { line: 'a=1', metadata: { region: 'eu' }, level: 'info' }
    expect(linesAfter('| logfmt | line_format "{{.a}} {{.region}} {{.app}} {{.detected_level}} {{.none}}|{{__line__}}"', [entry])).toEqual(['1 eu x info |a=1'])
  })

  it('keeps the line and tells a template that fails', () => {
    expect(rowsOf('| line_format `{{ div 1 0 }}`', ['as it was'])).toMatchObject([
      { line: 'as it was', labels: { __error__: 'TemplateFormatErr', __error_details__: 'template: line:1:3: executing "line" at <div 1 0>: error calling div: runtime error: integer divide by zero' } },
    ])
  })

  it('gives later operators the new line', () => {
    expect(linesAfter('| line_format "k=v" | logfmt | line_format "{{.k}}{{__line__}}" |= "vk"', ['x'])).toEqual(['vk=v'])
  })
})
