/**
 * Collects why parts of a push were refused, and puts it into the one text that Loki answers with.
 *
 * Equal messages are counted; `N errors like: ` stands before each when there is more than one. Also keeps the counts by reason for
 * `loki_discarded_samples_total`. Pure.
 */

/** Loki's `reason` labels. */
export type DiscardReason =
  | 'invalid_labels'
  | 'missing_labels'
  | 'max_label_names_per_series'
  | 'label_name_too_long'
  | 'label_value_too_long'
  | 'duplicate_label_names'
  | 'missing_enforced_labels'
  | 'line_too_long'
  | 'greater_than_max_sample_age'
  | 'too_far_in_future'
  | 'disallowed_structured_metadata'
  | 'structured_metadata_too_large'
  | 'structured_metadata_too_many'
  | 'blocked_ingestion'
  | 'rate_limited'
  | 'stream_limit'
  | 'per_stream_rate_limit'

export interface DiscardCount {
  readonly entryCount: number
  readonly bytes: number
}

/** Messages beyond this many distinct ones are only counted, so that a hostile push cannot make a huge answer. */
const MESSAGES_MAX = 100

export class Refusals {
  readonly #messages = new Map<string, number>()
  readonly #discarded = new Map<DiscardReason, DiscardCount>()
  #unlisted = 0

  get isEmpty(): boolean {
    return this.#messages.size === 0
  }

  /** One error: `message` as the client sees it; `entryCount` and `bytes` are what was lost by it. */
  add(reason: DiscardReason, message: string, entryCount: number, bytes: number): void {
    const seen = this.#messages.get(message)
    if (seen !== undefined || this.#messages.size < MESSAGES_MAX) this.#messages.set(message, (seen ?? 0) + 1)
    else this.#unlisted++
    this.discard(reason, entryCount, bytes)
  }

  /** Counts without telling the client. */
  discard(reason: DiscardReason, entryCount: number, bytes: number): void {
    const before = this.#discarded.get(reason)
    this.#discarded.set(reason, { entryCount: (before?.entryCount ?? 0) + entryCount, bytes: (before?.bytes ?? 0) + bytes })
  }

  get discarded(): ReadonlyMap<DiscardReason, DiscardCount> {
    return this.#discarded
  }

  text(): string {
    const groups = [...this.#messages]
    if (groups.length === 1 && groups[0]![1] === 1) return groups[0]![0]
    const parts = groups.map(([message, count]) => `${count} errors like: ${message}`)
    return [...parts, ...(this.#unlisted > 0 ? [`${this.#unlisted} more errors`] : [])].join('; ')
  }
}

/** One text of the texts of a push's parts. */
export function joinRefusals(texts: ReadonlyArray<string>): string {
  if (texts.length === 1) return texts[0]!
  return texts.map((text) => (COUNTED.test(text) ? text : `1 errors like: ${text}`)).join('; ')
}

const COUNTED = /^\d+ errors like: /

export function mergeDiscards(a: ReadonlyMap<DiscardReason, DiscardCount>, b: ReadonlyMap<DiscardReason, DiscardCount>): ReadonlyMap<DiscardReason, DiscardCount> {
  const all = new Refusals()
  for (const counts of [a, b]) for (const [reason, { entryCount, bytes }] of counts) all.discard(reason, entryCount, bytes)
  return all.discarded
}
