/**
 * A trace carried as one string, a W3C `traceparent`, through messages, WAL records and cuts: '' when the work is not traced, and then nothing is
 * made and nothing paid. Used by the write path, where one piece of work (a record, a segment) serves many requests.
 */
import { type Attributes, type Span, startSpan } from './telemetry.ts'

const SAMPLED = /-0[13579bdf]$/
/** Links of one span: a record or a segment may hold thousands of pushes. */
const LINKS_MAX = 16

export const NO_SPAN: Span = { set: () => {}, fail: () => {}, end: () => {}, headers: () => ({}) }

/** What goes on under the span; '' when the span is not sampled or tracing is off. */
export function traceParentOf(span: Span): string {
  const parent = span.headers()['traceparent'] ?? ''
  return SAMPLED.test(parent) ? parent : ''
}

/** A span under a `traceparent`; one that does nothing for ''. */
export function spanUnder(traceParent: string, name: string, attributes: Attributes, links: ReadonlyArray<string> = []): Span {
  return traceParent === '' ? NO_SPAN : startSpan(name, attributes, { traceparent: traceParent }, links)
}

/** The traces of many pieces of work that become one: the first is its parent, some of the others are linked. */
export class TraceGather {
  parent = ''
  readonly links: string[] = []

  add(traceParent: string): void {
    if (traceParent === '') return
    if (this.parent === '') this.parent = traceParent
    else if (this.links.length < LINKS_MAX) this.links.push(traceParent)
  }
}
