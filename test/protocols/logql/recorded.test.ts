/** Queries that Loki 3.7.6 answered (../shared/conformance): what it parsed parses, what it refused is refused in its words. Skipped where the recordings are absent. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { parse, parseMatchers } from '../../../protocols/logql/parser.ts'
import { format, prettify } from '../../../protocols/logql/print.ts'

interface Case { readonly id: string; readonly group: string; readonly path: string; readonly params?: Readonly<Record<string, string | string[]>>; readonly expect: { readonly status: number; readonly body: unknown } }

const file = path.resolve(import.meta.dirname, '../../../../shared/conformance/cases.json.gz')
const recorded = existsSync(file) ? (JSON.parse(gunzipSync(readFileSync(file)).toString()) as Case[]) : []
const MATCHERS_ONLY = /\/(labels?|series|volume)\b/
/** Refused by later steps: parameters, templates and addresses of stages, rows that fail, log queries at an instant. */
const LATER = /parameter|limit must|end timestamp|strconv\.ParseInt|valid duration|^no org id|: stage '|^pipeline error|not supported as an instant/

const queries = recorded.flatMap(({ id, path, params, expect: { status, body } }) => {
  const query = [params?.['query'] ?? params?.['match[]'] ?? []].flat()[0]
  return query === undefined ? [] : [{ id, path, query, status, message: typeof body === 'string' ? body : '', body }]
})
const read = (where: string, query: string): unknown => (MATCHERS_ONLY.test(where) ? parseMatchers(query) : parse(query))

describe.skipIf(recorded.length === 0)('recorded queries (skipped without ../shared/conformance)', () => {
  it.each(queries.filter(({ status }) => status === 200))('$id parses: $query', ({ path, query }) => {
    expect(() => read(path, query)).not.toThrow()
    // A folded 1 / 0 prints as NaN, which nothing reads.
    if (MATCHERS_ONLY.test(path) || query === '1 / 0') return
    const expr = parse(query)
    expect(format(parse(format(expr)))).toBe(format(expr))
    expect(format(parse(prettify(expr)))).toBe(format(expr))
  })

  it.each(queries.filter(({ status, message }) => status >= 400 && !LATER.test(message)))('$id is refused: $query', ({ path, query, message }) => {
    expect(() => read(path, query)).toThrow(expect.objectContaining({ message, status: 400 }))
  })

  it.each(queries.filter(({ path }) => path.endsWith('/format_query')))('$id is laid out as recorded: $query', ({ query, body }) => {
    expect({ status: 'success', data: prettify(parse(query)) }).toEqual(body)
  })
})
