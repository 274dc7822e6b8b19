/**
 * What the OTLP readers tell of a request, in document order: resource, its scopes, their records. decode-otlp.ts listens and writes a push.
 */
import type { OtlpMap, OtlpValue } from './otlp-value.ts'

export interface OtlpScope {
  readonly name: string
  readonly version: string
  readonly attributes: OtlpMap
  readonly droppedAttributesCount: number
}

export interface OtlpRecord {
  readonly timeNs: bigint
  readonly observedNs: bigint
  readonly severityNumber: number
  readonly severityText: string
  readonly body: OtlpValue
  readonly attributes: OtlpMap
  readonly droppedAttributesCount: number
  readonly flags: number
  /** Lower-case hexadecimal; '' for none or all zeros. */
  readonly traceId: string
  readonly spanId: string
}

export interface OtlpVisitor {
  resource(attributes: OtlpMap): void
  scope(scope: OtlpScope): void
  record(record: OtlpRecord): void
  /** The resource that was begun is complete. */
  resourceEnd(): void
}
