/**
 * What a tenant's limits make of one stream's labels: canonical form, `service_name`, and the reason if it is refused. Done once per label text
 * and remembered by validation. Order and texts are Loki's.
 */
import { SkaldError } from '../../runtime/errors.ts'
import { formatLabels, parseLabels } from '../labels.ts'
import type { Limits } from '../limits.ts'
import type { Labels, TenantId } from '../model.ts'
import type { DiscardReason } from './refusals.ts'

/** Loki's limit on one stream's label text. */
const LABELS_TEXT_BYTES_MAX = 16 * 1024 * 1024
const SERVICE_NAME = 'service_name'
const UNKNOWN_SERVICE = 'unknown_service'
/** Streams that Loki-like systems write for themselves. */
const INTERNAL_LABELS: ReadonlySet<string> = new Set(['__aggregated_metric__', '__pattern__'])

export interface CheckedStream {
  /** Canonical text: what the WAL record carries and routing hashes. */
  readonly labelsText: string
  readonly labels: Labels
  readonly refusal: { readonly reason: DiscardReason; readonly message: string } | null
}

/** Throws `malformed_body` when the text is no label set: Loki then refuses the whole push. */
export function checkStream(text: string, tenant: TenantId, limits: Limits): CheckedStream {
  if (text.length > LABELS_TEXT_BYTES_MAX) {
    throw new SkaldError('body_too_large', `request body too large: stream labels size ${text.length}B exceeds limit of ${LABELS_TEXT_BYTES_MAX}B`)
  }
  const given = discoverService(parse(text), limits.discover_service_name)
  const givenText = formatLabels(given)
  const refusal = refusalOf(given, givenText, limits) ?? missingLabels(given, givenText, tenant, limits)
  // `__name__` is the index's own: accepted, but no label of the stream.
  const labels = given.filter(([name]) => name !== '__name__')
  return { labelsText: labels.length === given.length ? givenText : formatLabels(labels), labels, refusal }
}

function parse(text: string): Labels {
  try {
    return parseLabels(text)
  } catch (error) {
    if (error instanceof SkaldError) throw new SkaldError('malformed_body', `couldn't parse labels: ${error.message}`)
    throw error
  }
}

/** Adds `service_name`, the value of the first label of the list that the stream has. An empty list turns this off. */
function discoverService(labels: Labels, names: ReadonlyArray<string>): Labels {
  if (names.length === 0 || labels.some(([name]) => name === SERVICE_NAME || INTERNAL_LABELS.has(name))) return labels
  const found = names.map((name) => labels.find(([label]) => label === name)?.[1]).find((value) => value !== undefined)
  const at = labels.findIndex(([name]) => name > SERVICE_NAME)
  return labels.toSpliced(at === -1 ? labels.length : at, 0, [SERVICE_NAME, found ?? UNKNOWN_SERVICE])
}

function refusalOf(labels: Labels, text: string, limits: Limits): CheckedStream['refusal'] {
  if (labels.length === 0) return { reason: 'missing_labels', message: 'error at least one label pair is required per stream' }
  const counted = labels.length - (labels.some(([name]) => name === SERVICE_NAME) ? 1 : 0)
  if (counted > limits.max_label_names_per_series) {
    return { reason: 'max_label_names_per_series', message: `entry for stream '${text}' has ${counted} label names; limit ${limits.max_label_names_per_series}` }
  }
  let last = ''
  for (const [name, value] of labels) {
    if (Buffer.byteLength(name) > limits.max_label_name_length) return { reason: 'label_name_too_long', message: `stream '${text}' has label name too long: '${name}'` }
    if (Buffer.byteLength(value) > limits.max_label_value_length) return { reason: 'label_value_too_long', message: `stream '${text}' has label value too long: '${value}'` }
    if (name === last) return { reason: 'duplicate_label_names', message: `stream '${text}' has duplicate label name: '${name}'` }
    last = name
  }
  return null
}

function missingLabels(labels: Labels, text: string, tenant: TenantId, limits: Limits): CheckedStream['refusal'] {
  const missing = limits.enforced_labels.filter((wanted) => !labels.some(([name]) => name === wanted))
  if (missing.length === 0) return null
  return { reason: 'missing_enforced_labels', message: `missing required labels '${missing.join(',')}' for user '${tenant}' for stream '${text}' (policy: '')` }
}
