import { describe, expect, it } from 'vitest'
import { labelsAfter, randomOf } from '../../../support/pipeline-rows.ts'

const MALFORMED_OBJECT = "Value looks like object, but can't find closing '}' symbol"

describe('| json', () => {
  it('flattens objects, leaves out arrays and null, keeps numbers as they are written', () => {
    expect(labelsAfter('| json', ['{"a":1.50,"b":{"c":"x","d":{"e":true}},"f":[1,2],"g":null,"h":""}'])).toEqual([{ a: '1.50', b_c: 'x', b_d_e: 'true', h: '' }])
  })

  it('sanitises names and decodes escapes', () => {
    expect(labelsAfter('| json', ['{"http.host":"a\\tb","1x":"\\u00e9","ünï":2,"nested":{"0":1},"k\\"q":"v"}'])).toEqual([
      { http_host: 'a\tb', _1x: 'é', _n_: '2', nested_0: '1', k_q: 'v' },
    ])
  })

  it('adds _extracted where the stream or the metadata has the name, and the first of equal keys wins', () => {
    expect(labelsAfter('| json', [{ line: '{"app":1,"region":2,"dup":1,"dup":2}', metadata: { region: 'eu' } }])).toEqual([
      { app_extracted: '1', region: 'eu', region_extracted: '2', dup: '1' },
    ])
  })

  it.each([
    ['', MALFORMED_OBJECT],
    ['null', MALFORMED_OBJECT],
    ['{"a":1,"b', 'Malformed JSON error'],
    ['{"a":1', "Value is array, but can't find closing ']' symbol"],
    ['{"a":1,"b":"x', `Value is string, but can't find closing '"' symbol`],
    ['{"a":1,"b":{"c":2', MALFORMED_OBJECT],
    ['{"a":1,"b":[2', "Value is array, but can't find closing ']' symbol"],
    ['{"a":1,"b":x}', 'Unknown value type'],
    ['{"a":1 "b":2}', MALFORMED_OBJECT],
  ])('%s: keeps what was read and tells %s', (line, details) => {
    const [labels] = labelsAfter('| json', [line])
    expect(labels).toEqual({ ...(line.includes('"a"') ? { a: '1' } : {}), __error__: 'JSONParserErr', __error_details__: details })
  })

  it('stops at the last label that is needed, so that later faults do not count', () => {
    const mode = { kind: 'by', names: ['status'] } as const
    expect(labelsAfter('| json', ['{"status":200,"broken', '{"x":1,"broken'], { mode })).toEqual([
      { status: '200' },
      { x: undefined, __error__: 'JSONParserErr', __error_details__: 'Malformed JSON error' },
    ])
    expect(labelsAfter('| json', ['not json'], { mode: { kind: 'by', names: [] } })).toEqual([{}])
  })

  it('is not led astray by lines of another shape than the one before', () => {
    const lines = ['{"a":1,"b":"x","c":3}', '{"b":"y","a":2,"c":4}', '{"a":"\\u0041","b":"z","c":5}', '{ "a" : 7 , "c" : 8 }', '{"ab":1,"c":9}', '{"a":[1],"c":10}', '{"a":1]', '{"a":1,"b":"x","c":3}']
    const mode = { kind: 'by', names: ['a', 'c'] } as const
    expect(labelsAfter('| json | __error__=""', lines, { mode })).toEqual([
      { a: '1', c: '3' }, { a: '2', c: '4' }, { a: 'A', c: '5' }, { a: '7', c: '8' }, { c: '9' }, { c: '10' }, { a: '1', c: '3' },
    ])
  })

  it('agrees with a plain reading of random objects, whatever part of the labels is asked for', () => {
    const random = randomOf(7)
    const value = (depth: number): unknown => [1, -2.5, 'té"x\\', '', true, null, [1], depth > 0 ? object(depth - 1) : 'deep'][random(8)]
    const object = (depth: number): Record<string, unknown> => Object.fromEntries(Array.from({ length: random(6) }, () => [['a', 'b', 'c.d', '1e', 'f_g'][random(5)]!, value(depth)]))
    const flatten = (one: Record<string, unknown>, prefix: string, out: Record<string, string>): Record<string, string> => {
      for (const [key, field] of Object.entries(one)) {
        const clean = key.replace(/[^a-z0-9_]/g, '_')
        const name = prefix === '' ? clean.replace(/^(\d)/, '_$1') : `${prefix}_${clean}`
        if (field === null || Array.isArray(field)) continue
        if (typeof field === 'object') flatten(field as Record<string, unknown>, name, out)
        else if (!(name in out)) out[name] = String(field)
      }
      return out
    }
    const objects = Array.from({ length: 400 }, () => object(2))
    const lines = objects.map((one) => (random(3) === 0 ? JSON.stringify(one, null, 1) : JSON.stringify(one)))
    const wanted = objects.map((one) => flatten(one, '', {}))
    expect(labelsAfter('| json', lines)).toEqual(wanted)
    const names = ['b', 'a_b', 'c_d']
    const picked = wanted.map((labels) => Object.fromEntries(Object.entries(labels).filter(([name]) => names.includes(name))))
    expect(labelsAfter('| json', lines, { mode: { kind: 'by', names } })).toEqual(picked)
  })
})
