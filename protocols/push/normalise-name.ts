/**
 * Attribute and metadata names as label names: `http.status-code` becomes `http_status_code`.
 *
 * Used for OTLP attributes and for structured metadata of every push. The rule is OpenTelemetry's translation for Prometheus, as Loki applies it.
 */
import { SkaldError } from '../../runtime/errors.ts'

/** Throws `invalid_entries` for names that have nothing to keep. */
export function normaliseName(name: string): string {
  if (name === '') throw new SkaldError('invalid_entries', 'label name is empty')
  const collapsed = name.replace(/[^a-zA-Z0-9]+/g, '_')
  if (collapsed === '_') throw new SkaldError('invalid_entries', `normalization for label name ${JSON.stringify(name)} resulted in invalid name ${JSON.stringify(collapsed)}`)
  if (/^__.*__$/s.test(name) && name.length > 4) return `__${collapsed.slice(1, -1)}__`
  return /^[0-9]/.test(collapsed) ? `key_${collapsed}` : collapsed
}
