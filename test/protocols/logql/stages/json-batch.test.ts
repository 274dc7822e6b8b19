/** Lines that are looked at hundreds at a time say what each says alone, however odd the lines among them are. */
import { describe, expect, it } from 'vitest'
import { labelsAfter, randomOf, rowsOf } from '../../../support/pipeline-rows.ts'

const random = randomOf(11)
const pick = <A>(all: ReadonlyArray<A>): A => all[random(all.length)]!

function object(): Record<string, unknown> {
  return {
    level: pick(['info', 'warn', 'an error that is longer than sixteen bytes']), msg: pick(['', 'request served', 'x'.repeat(random(40))]), method: pick(['GET', 'POST']),
    a_key_of_more_than_sixteen_bytes: random(1000), status: pick([200, 404, -1.5]), duration_ms: random(2000), user: { id: random(9), method: 'inner' }, end: 'e',
  }
}

/** Most lines as they are, every fourth spoiled in one of many ways. */
function line(): string {
  const text = JSON.stringify(object())
  switch (random(32)) {
    case 0: return text.slice(0, random(text.length))
    case 1: return text.replace(pick(['"', ',', ':', '{', '}', '0', 'e']), pick(['', '"', '\\"', '\\', ',', '}', ']', ' ', '[1]', 'true', '\u0000', 'é']))
    case 2: return text.replace('"GET"', '"G\\u0045T"')
    case 3: return JSON.stringify(Object.fromEntries(Object.entries(object()).toReversed()))
    case 4: return text.replace('"method"', '"status"')
    case 5: return JSON.stringify(object(), null, 1)
    case 6: return text.replace('"status":', '"status" :')
    case 7: return `${text} and more`
    default: return text
  }
}

const LINES = Array.from({ length: 3000 }, line)

describe('JSON lines in a row', () => {
  it.each([
    ['the first key', ['level']],
    ['keys in the middle', ['method', 'duration_ms']],
    ['a long key', ['a_key_of_more_than_sixteen_bytes']],
    ['a key that is not there', ['method', 'region']],
    ['a nested key', ['status', 'user_method']],
    ['the last key', ['end']],
    ['a name that the stream has', ['msg', 'msg_extracted', 'status']],
  ])('say what each says alone: %s', (_, names) => {
    const options = { mode: { kind: 'by', names }, stream: { app: 'x', msg: 'of the stream' } } as const
    const alone = LINES.map((one) => labelsAfter('| json', [one], options)[0])
    expect(labelsAfter('| json', LINES, options)).toEqual(alone)
    // Few of them asked for, and all of them after another parser.
    const some = rowsOf('|= "POST" | json', LINES, options).map(({ labels }) => labels)
    expect(some).toEqual(LINES.flatMap((one, i) => (one.includes('POST') ? [alone[i]] : [])))
    expect(labelsAfter('| logfmt | json', LINES, options)).toEqual(LINES.map((one) => labelsAfter('| logfmt | json', [one], options)[0]))
  })

  it('with structured metadata of the same name step aside row by row', () => {
    const lines = LINES.slice(0, 500).map((one, i) => ({ line: one, metadata: i % 3 === 0 ? { method: 'of the row' } : {}, level: 'info' }))
    const options = { mode: { kind: 'by', names: ['method', 'method_extracted', 'detected_level', 'level'] } } as const
    expect(labelsAfter('| json', lines, options)).toEqual(lines.map((one) => labelsAfter('| json', [one], options)[0]))
  })

  it('with keys that come to one name take the first', () => {
    const lines = Array.from({ length: 40 }, (_, i) => `{"a.b":"${i}","a_b":"second","c":${i}}`)
    expect(labelsAfter('| json', lines, { mode: { kind: 'by', names: ['a_b', 'c'] } })).toEqual(lines.map((_, i) => ({ a_b: String(i), c: String(i) })))
  })

  it('take more keys than are looked at together, and more wanted ones', () => {
    const names = Array.from({ length: 50 }, (_, i) => `key${i}`)
    const lines = Array.from({ length: 30 }, (_, i) => JSON.stringify(Object.fromEntries(names.map((name, k) => [name, i * 100 + k]))))
    for (const wanted of [['key45'], names.slice(0, 20), ['key3', 'key31', 'key32']]) {
      const expected = lines.map((_, i) => Object.fromEntries(wanted.map((name) => [name, String(i * 100 + Number(name.slice(3)))])))
      expect(labelsAfter('| json', lines, { mode: { kind: 'by', names: wanted } })).toEqual(expected)
    }
  })

  it('that are larger than what is looked at together are read too', () => {
    const lines = Array.from({ length: 20 }, (_, i) => JSON.stringify({ msg: 'm'.repeat(i % 2 === 0 ? 10 : 300_000), status: i }))
    expect(labelsAfter('| json', lines, { mode: { kind: 'by', names: ['status'] } })).toEqual(lines.map((_, i) => ({ status: String(i) })))
  })
})
