import { describe, expect, it } from 'vitest'
import { labelsAfter } from '../../../support/pipeline-rows.ts'

describe('| pattern', () => {
  it('captures between literals', () => {
    expect(labelsAfter('| pattern `<ip> - <_> "<method> <_>" <status>`', ['1.2.3.4 - bob "GET /x" 200 17'])).toEqual([{ ip: '1.2.3.4', method: 'GET', status: '200 17' }])
  })

  it('gives the rest of the line to a capture whose end is missing', () => {
    expect(labelsAfter('| pattern `<a>:<b>`', ['no colon'])).toEqual([{ a: 'no colon' }])
  })

  it('wants a literal in front to begin the line, and leaves what follows the last one', () => {
    expect(labelsAfter('| pattern `a=<a> `', ['a=1 rest', 'xa=1 ', ''])).toEqual([{ a: '1' }, {}, {}])
  })

  it('adds _extracted to a name that the stream has', () => {
    expect(labelsAfter('| pattern `<app>-<_>`', ['v-1'])).toEqual([{ app_extracted: 'v' }])
  })
})
