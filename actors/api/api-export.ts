/**
 * `/skald/api/v1/export`: all entries of a log query as NDJSON, oldest first, without Loki's limit on entries. Beyond Loki. Reads page after page, each within the limits of
 * a query, while the client takes them; so memory is bounded by a page. With `limit`, the last line is a cursor (`{"next":"…"}`) to go on from.
 */
import type { HttpResponse } from '../../runtime/http-server.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { decodeCursor, encodeCursor, type ExportCursor } from '../../protocols/export-cursor.ts'
import type { LogExpr } from '../../protocols/logql/ast.ts'
import { parseLogQuery } from '../../protocols/logql/parser.ts'
import type { LogPartial } from '../../protocols/logql/scan.ts'
import type { TenantId, TimeNs } from '../../protocols/model.ts'
import { limitParameter, timeBounds } from '../../protocols/query-params.ts'
import type { ApiEndpoint, ApiRequest } from './api.ts'
import { getterOf } from './http-parameters.ts'
import type { QueryFrontEnd } from '../query/query-front-end.ts'
import type { Services } from '../services.ts'

/** The first page; the next ones hold about `PAGE_BYTES` of lines. */
const PAGE_ENTRIES_FIRST = 1_000
/** A page grows up to this when more entries than it holds have the same time, or lines are short. */
const PAGE_ENTRIES_MAX = 50_000
const PAGE_BYTES = 8 * 1024 * 1024

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
  let wanted = PAGE_ENTRIES_FIRST
  while (left > 0) {
    const { page, asked } = await fittingPage(frontEnd, what, cursor, wanted)
    const before = new Set(cursor.sent)
    const fresh = page.entries.filter((entry) => entry.ns !== cursor.ns || !before.has(entry.identity))
    const sent = fresh.slice(0, left)
    if (sent.length > 0) {
      const text = sent.map((entry) => entryLine(page.streams[entry.stream]!, entry)).join('')
      yield text
      cursor = cursorAfter(cursor, sent)
      left -= sent.length
      wanted = Math.max(1, Math.min(PAGE_ENTRIES_MAX, Math.trunc((PAGE_BYTES / text.length) * sent.length)))
    } else wanted = beyond(asked, cursor)
    if (page.entries.length < asked && fresh.length === sent.length) return
  }
  yield `${JSON.stringify({ next: encodeCursor(cursor) })}\n`
}

/** A page of as many entries as fit the memory of a query: half as many at a time, when they do not. */
async function fittingPage(frontEnd: QueryFrontEnd, what: Export, cursor: ExportCursor, wanted: number): Promise<{ page: LogPartial; asked: number }> {
  for (let asked = wanted; ; asked = Math.trunc(asked / 2)) {
    try {
      return { page: await readPage(frontEnd, what, cursor, asked), asked }
    } catch (error) {
      if (!(error instanceof SkaldError && error.code === 'query_limit') || asked === 1) throw error
    }
  }
}

/** All of a page was sent before: more entries have the cursor's time than it holds. */
function beyond(asked: number, cursor: ExportCursor): number {
  if (asked * 2 > PAGE_ENTRIES_MAX) throw new SkaldError('query_limit', `more than ${asked} entries have the time ${cursor.ns}; an export cannot go past them`)
  return asked * 2
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
