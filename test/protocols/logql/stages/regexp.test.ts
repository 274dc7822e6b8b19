import { describe, expect, it } from 'vitest'
import { labelsAfter } from '../../../support/pipeline-rows.ts'

describe('| regexp', () => {
  it('takes the named groups of the leftmost match, empty where a group took no part', () => {
    expect(labelsAfter('| regexp `(?P<a>\\d+)(-(?P<b>x))?`', ['v 12-x 13', 'v 14', 'none'])).toEqual([{ a: '12', b: 'x' }, { a: '14', b: '' }, {}])
  })

  it('adds _extracted to a name that the stream has', () => {
    expect(labelsAfter('| regexp `(?P<app>\\d)`', ['7'])).toEqual([{ app_extracted: '7' }])
  })
})
