import { describe, expect, it } from 'vitest'
import { rowsOf } from '../../../support/pipeline-rows.ts'

const shown = (line: string): unknown => rowsOf('| unpack', [line]).map(({ line: text, labels }) => [text, labels])[0]

describe('| unpack', () => {
  it('makes _entry the line and the other strings labels', () => {
    expect(shown('{"pod":"p\\"1","n":1,"app":"y","_entry":"the \\u00e9 line"}')).toEqual(['the é line', { pod: 'p"1', app_extracted: 'y' }])
  })

  it('changes nothing without _entry', () => {
    expect(shown('{"pod":"p"}')).toEqual(['{"pod":"p"}', {}])
  })

  it('tells lines that are no object', () => {
    expect(shown('plain')).toEqual(['plain', { __error__: 'JSONParserErr', __error_details__: 'expecting json object(6), but it is not' }])
  })
})
