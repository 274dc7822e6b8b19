import { describe, expect, it } from 'vitest'
import { labelsAfter } from '../../../support/pipeline-rows.ts'

describe('| label_format', () => {
  it('renames, and makes labels from templates', () => {
    expect(labelsAfter('| logfmt | label_format c=a, d="{{.b}}!", e=nothere', ['a=1 b=2'])).toEqual([{ b: '2', c: '1', d: '2!' }])
  })

  it('works from left to right', () => {
    expect(labelsAfter('| logfmt | label_format a=b, b=a', ['a=1 b=2', 'b=2', 'a=1'])).toEqual([{ b: '2' }, { b: '2' }, { b: '1' }])
  })

  it('keeps the row and tells a template that fails', () => {
    expect(labelsAfter('| label_format c="{{ index .a 1 }}"', ['x'])[0]).toMatchObject({
      __error__: 'TemplateFormatErr',
      __error_details__: 'template: label:1:3: executing "label" at <index .a 1>: error calling index: index out of range: 1',
    })
  })

  it('refuses to format the error, and a template that is none', () => {
    expect(() => labelsAfter('| label_format __error__="x"', [])).toThrow('__error__ cannot be formatted')
    expect(() => labelsAfter('| label_format a="{{.x"', [])).toThrow(
      `parse error : stage '| label_format a="{{.x"' : invalid template for label 'a': template: label:1: unclosed action`)
  })
})
