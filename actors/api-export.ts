/**
 * `/skald/api/v1/export`: all entries of a log query as NDJSON, oldest first, without Loki's limit on entries. Beyond Loki. Reads page after page, each within the limits of
 * a query, while the client takes them; so memory is bounded by a page. With `limit`, the last line is a cursor (`{"next":"…"}`) to go on from.
 */
import type { HttpResponse } from '../runtime/http-server.ts'
import { SkaldError } from '../runtime/errors.ts'
import { decodeCursor, encodeCursor, type ExportCursor } from '../protocols/export-cursor.ts'
import type { LogExpr } from '../protocols/logql/ast.ts'
import { parseLogQuery } from '../protocols/logql/parser.ts'
import type { LogPartial } from '../protocols/logql/scan.ts'
import type { TenantId, TimeNs } from '../protocols/model.ts'
import { limitParameter, timeBounds } from '../protocols/query-params.ts'
import type { ApiEndpoint, ApiRequest } from './api.ts'
import { getterOf } from './http-parameters.ts'
import type { QueryFrontEnd } from './query-front-end.ts'
import type { Services } from './services.ts'

const PAGE_ENTRIES = 5_000
/** A page grows up to this when more entries than it holds have the same time. */
const PAGE_ENTRIES_MAX = 160_000

export function exportEndpoints(services: Services, frontEnd: QueryFrontEnd): ApiEndpoint[] {
  return [{ path: '/skald/api/v1/export', handle: (request) => exportAll(services, frontEnd, request) }]
}

interface Export {
  readonly tenant: TenantId
  readonly text: string
  readonly expr: LogExpr
  readonly endNs: TimeNs
  /** Entries to send; Infinity: all. */
  readonly limit: number
  readonly signal: AbortSignal
}

async function exportAll(services: Services, frontEnd: QueryFrontEnd, { tenant, parameters, signal }: ApiRequest): Promise<HttpResponse> {
  const get = getterOf(parameters)
  const { startNs, endNs } = timeBounds(get, BigInt(services.clock.nowMs()) * 1_000_000n)
  const text = get('query')
  const limit = get('limit') === '' ? Infinity : limitParameter(get('limit'))
  const cursor = get('next') === '' ? { ns: String(startNs), sent: [] } : decodeCursor(get('next'))
  const lines = exportLines(frontEnd, { tenant, text, expr: parseLogQuery(text), endNs, limit, signal }, cursor)
  // The first page is read before the answer begins, so that a refusal is a status and not a broken stream.
  const first = await lines.next()
  return { status: 200, headers: { 'content-type': 'application/x-ndjson' }, body: withFirst(first, lines) }
}

async function* withFirst(first: IteratorResult<string>, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  if (first.done === true) return
  yield first.value
  yield* rest
}

/** A page of lines at a time. */
async function* exportLines(frontEnd: QueryFrontEnd, what: Export, from: ExportCursor): AsyncGenerator<string> {
  let cursor = from
  let left = what.limit
  let pageEntries = PAGE_ENTRIES
  while (left > 0) {
    const page = await readPage(frontEnd, what, cursor, pageEntries)
    const fresh = page.entries.filter((entry) => entry.ns !== cursor.ns || !cursor.sent.includes(entry.identity))
    const sent = fresh.slice(0, left)
    if (sent.length > 0) {
      yield sent.map((entry) => entryLine(page.streams[entry.stream]!, entry)).join('')
      cursor = cursorAfter(cursor, sent)
      left -= sent.length
    }
    const more = page.entries.length >= pageEntries || fresh.length > sent.length
    if (!more) return
    if (sent.length === 0) {
      pageEntries *= 2
      if (pageEntries > PAGE_ENTRIES_MAX) throw new SkaldError('query_limit', `more than ${PAGE_ENTRIES_MAX} entries have the time ${cursor.ns}; an export cannot go past them`)
    }
  }
  yield `${JSON.stringify({ next: encodeCursor(cursor) })}\n`
}

async function readPage(frontEnd: QueryFrontEnd, { tenant, text, expr, endNs, signal }: Export, cursor: ExportCursor, entries: number): Promise<LogPartial> {
  const startNs = BigInt(cursor.ns)
  const { matchers, stages } = expr
  const plan = { kind: 'log', matchers, stages, startNs: cursor.ns, endNs: String(endNs), limit: entries, direction: 'forward', intervalNs: '0' } as const
  const { partial, warnings } = await frontEnd.scan({ tenant, text, expr, startNs, endNs, plan, signal })
  if (partial.kind !== 'log') throw new Error('a log scan gave another answer')
  // An export has no place for warnings, and a hole in it would pass unseen.
  if (warnings.length > 0) throw new SkaldError('partial_answer', `the export would be incomplete: ${warnings.join('; ')}`, { retryAfterS: 5 })
  return partial
}

function cursorAfter(before: ExportCursor, sent: LogPartial['entries']): ExportCursor {
  const { ns } = sent.at(-1)!
  const same = sent.filter((entry) => entry.ns === ns).map(({ identity }) => identity)
  return { ns, sent: ns === before.ns ? [...before.sent, ...same] : same }
}

function entryLine({ stream, metadata, parsed }: LogPartial['streams'][number], { ns, line }: LogPartial['entries'][number]): string {
  const categories = { ...(metadata.length === 0 ? {} : { structuredMetadata: Object.fromEntries(metadata) }), ...(parsed.length === 0 ? {} : { parsed: Object.fromEntries(parsed) }) }
  return `${JSON.stringify({ ts: ns, stream: Object.fromEntries(stream), ...categories, line })}\n`
}
