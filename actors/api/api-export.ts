/**
 * `/skald/api/v1/export`: all entries of a log query as NDJSON, oldest first, without Loki's limit on entries. Beyond Loki. Reads page after page, each within the limits of
 * a query, while the client takes them; so memory is bounded by a page. With `limit`, the last line is a cursor (`{"next":"…"}`) to go on from.
 */
import type { HttpResponse } from '../../runtime/http-server.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { decodeCursor, encodeCursor, type ExportCursor } from '../../protocols/export-cursor.ts'
import type { LogExpr } from '../../protocols/logql/ast.ts'
import type { TenantId, TimeNs } from '../../protocols/model.ts'
import { limitParameter, timeBounds } from '../../protocols/query-params.ts'
import type { ApiEndpoint, ApiRequest } from './api.ts'
import { getterOf } from './http-parameters.ts'
import type { ExportPage, ExportPlace } from '../query/export-page.ts'
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
  const lines = exportLines(frontEnd, { tenant, text, expr: await frontEnd.answers.run({ kind: 'parseLog', text }, signal), endNs, limit, signal }, cursor)
  // The first page is read before the answer begins, so that a refusal is a status and not a broken stream.
  const first = await lines.next()
  return { status: 200, headers: { 'content-type': 'application/x-ndjson' }, body: withFirst(first, lines) }
}

async function* withFirst(first: IteratorResult<Uint8Array>, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.done === true) return
  yield first.value
  yield* rest
}

/** Pieces of pages, page after page. */
async function* exportLines(frontEnd: QueryFrontEnd, what: Export, from: ExportCursor): AsyncGenerator<Uint8Array> {
  let cursor = from
  let left = what.limit
  let wanted = PAGE_ENTRIES_FIRST
  while (left > 0) {
    const { page, asked } = await fittingPage(frontEnd, what, { cursor, most: left }, wanted)
    yield* page.pieces
    cursor = page.next
    left -= page.sent
    wanted = page.sent > 0 ? entriesFor(page) : beyond(asked, cursor)
    if (page.found < asked && page.fresh === page.sent) return
  }
  yield Buffer.from(`${JSON.stringify({ next: encodeCursor(cursor) })}\n`)
}

/** How many entries like these make a page. */
function entriesFor({ pieces, sent }: ExportPage): number {
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0)
  return Math.max(1, Math.min(PAGE_ENTRIES_MAX, Math.trunc((PAGE_BYTES / bytes) * sent)))
}

/** A page of as many entries as fit the memory of a query: half as many at a time, when they do not. */
async function fittingPage(frontEnd: QueryFrontEnd, what: Export, place: ExportPlace, wanted: number): Promise<{ page: ExportPage; asked: number }> {
  for (let asked = wanted; ; asked = Math.trunc(asked / 2)) {
    try {
      return { page: await readPage(frontEnd, what, place, asked), asked }
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

async function readPage(frontEnd: QueryFrontEnd, { tenant, text, expr, endNs, signal }: Export, place: ExportPlace, entries: number): Promise<ExportPage> {
  const { ns } = place.cursor
  const { matchers, stages } = expr
  const plan = { kind: 'log', matchers, stages, startNs: ns, endNs: String(endNs), limit: entries, direction: 'forward', intervalNs: '0' } as const
  const { partials, warnings } = await frontEnd.scan({ tenant, text, expr, startNs: BigInt(ns), endNs, plan, signal })
  // An export has no place for warnings, and a hole in it would pass unseen.
  if (warnings.length > 0) throw new SkaldError('partial_answer', `the export would be incomplete: ${warnings.join('; ')}`, { retryAfterS: 5 })
  return frontEnd.answers.run({ kind: 'exportPage', plan, partials: partials.map(({ bytes }) => bytes), place }, signal)
}
