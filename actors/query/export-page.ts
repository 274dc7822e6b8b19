/** A page of an export: of the entries that a scan found, those that were not sent before, as NDJSON, and where the next page begins. Pure; run by the answer work. */
import type { ExportCursor } from '../../protocols/export-cursor.ts'
import type { LogPartial, ScanPartial } from '../../protocols/logql/scan.ts'

export interface ExportPlace {
  readonly cursor: ExportCursor
  /** Entries to send at most. */
  readonly most: number
}

export interface ExportPage {
  /** Entries that the scan found. */
  readonly found: number
  /** Of those, not sent before. */
  readonly fresh: number
  readonly sent: number
  readonly pieces: ReadonlyArray<Uint8Array>
  readonly next: ExportCursor
}

const PIECE_CHARS = 256 * 1024

export function exportPage(partial: ScanPartial, { cursor, most }: ExportPlace): ExportPage {
  if (partial.kind !== 'log') throw new Error('a log scan gave another answer')
  const before = new Set(cursor.sent)
  const fresh = partial.entries.filter((entry) => entry.ns !== cursor.ns || !before.has(entry.identity))
  const sent = fresh.slice(0, most)
  return { found: partial.entries.length, fresh: fresh.length, sent: sent.length, pieces: [...linesOf(partial, sent)], next: sent.length === 0 ? cursor : cursorAfter(cursor, sent) }
}

function* linesOf({ streams }: LogPartial, entries: LogPartial['entries']): Generator<Uint8Array> {
  const encoder = new TextEncoder()
  let text = ''
  for (const entry of entries) {
    text += entryLine(streams[entry.stream]!, entry)
    if (text.length < PIECE_CHARS) continue
    yield encoder.encode(text)
    text = ''
  }
  if (text !== '') yield encoder.encode(text)
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
