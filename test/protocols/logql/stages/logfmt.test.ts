import { describe, expect, it } from 'vitest'
import { labelsAfter, randomOf } from '../../../support/pipeline-rows.ts'

describe('| logfmt', () => {
  it('takes pairs, unquotes values, leaves out empty ones; the first of equal keys wins', () => {
    expect(labelsAfter('| logfmt', ['a=1 msg="two words" esc="a\\"b\\n" empty= flag a=2 x.y=3'])).toEqual([{ a: '1', msg: 'two words', esc: 'a"b\n', x_y: '3' }])
  })

  it('passes over broken pairs and goes on behind the next space', () => {
    expect(labelsAfter('| logfmt', ['a=1 =z b=2 c"d=3 e=4=5 f="x'])).toEqual([{ a: '1', b: '2' }])
  })

  it('--keep-empty keeps keys without a value', () => {
    expect(labelsAfter('| logfmt --keep-empty', ['a= flag b=1'])).toEqual([{ a: '', flag: '', b: '1' }])
  })

  it.each([
    ['a=1 "x" b=2', `logfmt syntax error at pos 5 : unexpected '"'`],
    ['a=1 =z', "logfmt syntax error at pos 5 : unexpected '='"],
    ['a=1 b=x=y', "logfmt syntax error at pos 8 : unexpected '='"],
    ['a=1 b="x', 'logfmt syntax error at pos 9 : unterminated quoted value'],
    ['a=1 b="\\q"', 'logfmt syntax error at pos 11 : invalid quoted value'],
  ])('--strict stops at a fault: %s', (line, details) => {
    expect(labelsAfter('| logfmt --strict', [line])).toEqual([{ a: '1', __error__: 'LogfmtParserErr', __error_details__: details }])
  })

  it('takes only the named ones, the last of equal keys, and gives missing ones as empty', () => {
    expect(labelsAfter('| logfmt a, other="b", c', ['a=1 b=2 d=4 a=3'])).toEqual([{ a: '3', other: '2', c: '' }])
  })

  it('adds _extracted to a name that the stream has', () => {
    expect(labelsAfter('| logfmt', ['app=1'])).toEqual([{ app_extracted: '1' }])
    expect(labelsAfter('| logfmt', ['app=1 b=2'], { mode: { kind: 'by', names: ['app_extracted'] } })).toEqual([{ app_extracted: '1' }])
  })

  it('agrees with a plain reading of random pairs, whatever part of the labels is asked for', () => {
    const random = randomOf(3)
    const keys = ['level', 'lev', 'level2', 'a', 'b-c']
    const rows = Array.from({ length: 400 }, () =>
      Array.from({ length: random(7) }, () => [keys[random(keys.length)]!, ['', 'x', 'two words', 'q"t', 'é'][random(5)]!] as const))
    const lines = rows.map((pairs) => pairs.map(([key, value]) => `${key}=${/[ "]/.test(value) ? JSON.stringify(value) : value}`).join(random(4) === 0 ? '  ' : ' '))
    const wanted = rows.map((pairs) => {
      const labels: Record<string, string> = {}
      for (const [key, value] of pairs) if (value !== '') labels[key.replace('-', '_')] ??= value
      return labels
    })
    expect(labelsAfter('| logfmt', lines)).toEqual(wanted)
    const picked = wanted.map(({ level }) => (level === undefined ? {} : { level }))
    expect(labelsAfter('| logfmt', lines, { mode: { kind: 'by', names: ['level'] } })).toEqual(picked)
  })
})
