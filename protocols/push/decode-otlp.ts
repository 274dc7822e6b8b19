/**
 * Turns an OTLP logs export into a `PushRequest`: labels from resource attributes, the rest as structured metadata, the body as the line.
 *
 * Called by the gateway for `POST /otlp/v1/logs`. The rules are Loki's (its OTLP page and loki's recorded answers); the result takes the way of any
 * other push, so limits and `service_name` discovery happen there.
 */
import { SkaldError } from '../../runtime/errors.ts'
import { canonicalLabels, formatLabels } from '../labels.ts'
import type { Limits } from '../limits.ts'
import { decodeOtlpTransfer, mediaType, PUSH_SIZES_DEFAULT } from './content.ts'
import type { DecodedPush, PushContent, PushSizes } from './content.ts'
import { visitOtlpJson } from './decode-otlp-json.ts'
import { visitOtlpProtobuf } from './decode-otlp-protobuf.ts'
import { decodePushBatches } from './decode-protobuf.ts'
import { ByteSink, PushEncoder, writeMetadataPair } from './encode-protobuf.ts'
import { otlpPolicyOf } from './otlp-policy.ts'
import type { AttributeAction, OtlpPolicy } from './otlp-policy.ts'
import { flatten, valueText } from './otlp-value.ts'
import type { OtlpMap } from './otlp-value.ts'
import type { OtlpRecord, OtlpScope, OtlpVisitor } from './otlp-visitor.ts'

export interface OtlpSettings {
  readonly limits: Limits
  /** For records that carry no time. */
  readonly nowMs: number
  readonly sizes?: PushSizes
}

/** Throws as `decodePush` does, with Loki's words for OTLP. The HTTP answer wraps them in a `google.rpc.Status` (otlp-status.ts). */
export const decodeOtlpPush = (content: PushContent, settings: OtlpSettings): DecodedPush => ({ batches: decodePushBatches(transcodeOtlp(content, settings)), snappyBody: null })

/** The export as a `PushRequest`. */
export function transcodeOtlp(content: PushContent, settings: OtlpSettings): Buffer {
  const type = mediaType(content.contentType)
  if (type !== 'application/x-protobuf' && type !== 'application/json') throw new SkaldError('unsupported_media', `content type: ${type} is not supported`)
  const body = decodeOtlpTransfer(content.body, content.contentEncoding ?? '', settings.sizes ?? PUSH_SIZES_DEFAULT)
  const writer = new OtlpWriter(otlpPolicyOf(settings.limits), BigInt(settings.nowMs) * 1_000_000n)
  if (type === 'application/json') visitOtlpJson(body, writer)
  else visitOtlpProtobuf(body, writer)
  return writer.finish()
}

type Pairs = Array<readonly [string, string]>

class OtlpWriter implements OtlpVisitor {
  readonly #policy: OtlpPolicy
  readonly #nowNs: bigint
  readonly #encoder = new PushEncoder()
  readonly #metadata = new ByteSink(4096)
  #labels: Pairs = []
  #resourceMetadata: Pairs = []
  #scopeMetadata: Pairs = []
  /** Records of the resource, in order, by the stream that they go to. */
  #streams = new Map<string, OtlpRow[]>()

  constructor(policy: OtlpPolicy, nowNs: bigint) {
    this.#policy = policy
    this.#nowNs = nowNs
  }

  resource(attributes: OtlpMap): void {
    this.#labels = []
    this.#resourceMetadata = []
    for (const [name, value] of attributes) {
      const action = this.#policy.resource.of(name)
      if (action !== 'drop') flatten(name, value, action === 'index_label' ? this.#labels : this.#resourceMetadata)
    }
    this.#scopeMetadata = []
  }

  scope({ name, version, attributes, droppedAttributesCount }: OtlpScope): void {
    const pairs = this.#kept(attributes, (attribute) => this.#policy.scope.of(attribute))
    addUnlessEmpty(pairs, 'scope_name', name)
    addUnlessEmpty(pairs, 'scope_version', version)
    addUnlessZero(pairs, 'scope_dropped_attributes_count', droppedAttributesCount)
    this.#scopeMetadata = pairs
  }

  record(record: OtlpRecord): void {
    const pairs = this.#kept(record.attributes, (attribute) => this.#policy.record.of(attribute))
    const asLabel = this.#policy.severityTextAsLabel && record.severityText !== ''
    addRecordFields(pairs, record, asLabel)
    const labels = formatLabels(canonicalLabels(asLabel ? [...this.#labels, ['severity_text', record.severityText]] : this.#labels))
    const rows = this.#streams.get(labels) ?? []
    this.#streams.set(labels, rows)
    rows.push({ ns: record.timeNs || record.observedNs || this.#nowNs, line: valueText(record.body), metadata: this.#encode(pairs) })
  }

  resourceEnd(): void {
    for (const [labels, rows] of this.#streams) {
      for (const { ns, line, metadata } of rows) {
        const bytes = Buffer.from(line)
        this.#encoder.entry(Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n), bytes, 0, bytes.length, metadata, 0, metadata.length)
      }
      this.#encoder.endStream(labels)
    }
    this.#streams = new Map()
  }

  finish(): Buffer {
    return this.#encoder.finish()
  }

  /** Attributes that stay, as pairs. Only a resource's can be labels: elsewhere that action means metadata. */
  #kept(attributes: OtlpMap, action: (name: string) => AttributeAction): Pairs {
    const pairs: Pairs = []
    for (const [name, value] of attributes) if (action(name) !== 'drop') flatten(name, value, pairs)
    return pairs
  }

  #encode(recordPairs: Pairs): Buffer {
    this.#metadata.length = 0
    for (const pairs of [recordPairs, this.#resourceMetadata, this.#scopeMetadata]) {
      for (const [name, value] of pairs) writeMetadataPair(this.#metadata, name, value)
    }
    return Buffer.from(this.#metadata.view())
  }
}

interface OtlpRow {
  readonly ns: bigint
  readonly line: string
  readonly metadata: Buffer
}

const addUnlessEmpty = (pairs: Pairs, name: string, value: string): void => {
  if (value !== '') pairs.push([name, value])
}
const addUnlessZero = (pairs: Pairs, name: string, value: number): void => {
  if (value !== 0) pairs.push([name, String(value)])
}

function addRecordFields(pairs: Pairs, record: OtlpRecord, severityIsLabel: boolean): void {
  if (record.timeNs !== 0n && record.observedNs !== 0n) pairs.push(['observed_timestamp', String(record.observedNs)])
  addUnlessZero(pairs, 'severity_number', record.severityNumber)
  if (!severityIsLabel) addUnlessEmpty(pairs, 'severity_text', record.severityText)
  addUnlessZero(pairs, 'dropped_attributes_count', record.droppedAttributesCount)
  addUnlessZero(pairs, 'flags', record.flags)
  addUnlessEmpty(pairs, 'trace_id', record.traceId)
  addUnlessEmpty(pairs, 'span_id', record.spanId)
}
