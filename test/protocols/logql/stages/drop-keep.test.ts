import { describe, expect, it } from 'vitest'
import { labelsAfter } from '../../../support/pipeline-rows.ts'

const LINE = { line: 'a=1 b=2', metadata: { region: 'eu' } }

describe('| drop, | keep', () => {
  it('drop takes labels of every kind away', () => {
    expect(labelsAfter('| logfmt | drop a, region', [LINE], { stream: { app: 'x', env: 'dev' } })).toEqual([{ b: '2', env: 'dev' }])
    expect(labelsAfter('| logfmt | drop env, nothere', [LINE], { stream: { app: 'x', env: 'dev' } })).toEqual([{ a: '1', b: '2', region: 'eu' }])
  })

  it('matchers look at the value', () => {
    expect(labelsAfter('| logfmt | drop a=~"1|2", b="1"', ['a=1 b=2', 'a=3 b=1'])).toEqual([{ b: '2' }, { a: '3' }])
    expect(labelsAfter('| logfmt | keep b=~"1|2"', ['a=1 b=2', 'a=3 b=3'])).toEqual([{ b: '2' }, {}])
  })

  it('drop __error__ clears the error; keep leaves it', () => {
    expect(labelsAfter('| json | drop __error__, __error_details__', ['x'])).toEqual([{}])
    expect(labelsAfter('| json | keep a', ['x'])).toEqual([{ __error__: 'JSONParserErr', __error_details__: "Value looks like object, but can't find closing '}' symbol" }])
  })

  it('a dropped label is gone for what follows', () => {
    expect(labelsAfter('| logfmt | drop a | a=""', ['a=1 b=2'])).toEqual([{ b: '2' }])
  })
})
