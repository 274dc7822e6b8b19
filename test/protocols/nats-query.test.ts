import { describe, expect, it } from 'vitest'
import { decodeCursor, encodeCursor } from '../../protocols/export-cursor.ts'
import { decodeNatsQuery } from '../../protocols/nats-query.ts'

const decode = (text: string): [string, string] => {
  const { path, parameters } = decodeNatsQuery(Buffer.from(text))
  return [path, parameters.toString()]
}

describe('query requests over NATS', () => {
  it('takes JSON with a path, short or full, and repeated parameters', () => {
    expect(decode('{"path":"query","params":{"query":"{a=\\"b\\"}","limit":5}}')).toEqual(['/loki/api/v1/query', 'query=%7Ba%3D%22b%22%7D&limit=5'])
    expect(decode('{"path":"/loki/api/v1/series","params":{"match[]":["{a=\\"1\\"}","{b=\\"2\\"}"]}}')[1]).toBe('match%5B%5D=%7Ba%3D%221%22%7D&match%5B%5D=%7Bb%3D%222%22%7D')
    expect(decode('{}')).toEqual(['/loki/api/v1/query_range', ''])
  })

  it('takes URL-encoded parameters of a range query', () => {
    expect(decode('query=%7Ba%3D%22b%22%7D&limit=1')).toEqual(['/loki/api/v1/query_range', 'query=%7Ba%3D%22b%22%7D&limit=1'])
  })

  it.each(['{"path":', '{"path":1}', '{"params":[1]}', '{"params":{"query":{"a":1}}}', '{"params":"x"}'])('refuses %s', (text) => {
    expect(() => decodeNatsQuery(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'bad_request' }))
  })
})

describe('cursors of an export', () => {
  it('come back as they were', () => {
    const cursor = { ns: '1793491200000000000', sent: ['a.b.1', 'c.d.2'] }
    expect(decodeCursor(encodeCursor(cursor))).toEqual(cursor)
  })

  it.each(['', 'x', Buffer.from('[1]').toString('base64url'), Buffer.from('["-1"]').toString('base64url'), Buffer.from('{}').toString('base64url')])('refuse %j', (token) => {
    expect(() => decodeCursor(token)).toThrow(expect.objectContaining({ code: 'bad_request' }))
  })
})
