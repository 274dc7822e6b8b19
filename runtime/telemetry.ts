/**
 * Tracing with OpenTelemetry: exported over OTLP/HTTP when an endpoint is set, otherwise neither loaded nor paid for. The trace context travels as W3C `traceparent` in HTTP
 * and NATS headers. Spans are per request, batch, chunk and flush; never per line. Used at start (`startTelemetry`), by Effects (`span`) and plain code (`startSpan`, `withSpan`).
 */
import * as otel from '@opentelemetry/api'
import * as Effect from 'effect/Effect'
import * as EffectTracer from 'effect/Tracer'

export type Attributes = Readonly<Record<string, string | number | boolean>>
/** Header name (lower case) to value, as on HTTP requests and NATS messages. */
export type TraceCarrier = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

export interface TelemetryOptions {
  /** Empty: `OTEL_EXPORTER_OTLP_ENDPOINT`; neither: off. */
  readonly endpoint: string
  readonly serviceName: string
  readonly serviceVersion: string
  /** Of traces that begin here; those that come with a parent follow its decision. */
  readonly sampleRatio: number
  readonly attributes?: Attributes
}

export interface Telemetry {
  readonly enabled: boolean
  /** Sends what is buffered. */
  flush(): Promise<void>
  /** Sends what is buffered and ends. */
  shutdown(): Promise<void>
}

const OFF: Telemetry = { enabled: false, flush: async () => {}, shutdown: async () => {} }
const TRACER_NAME = 'skald'
const ENDPOINT_VARIABLES = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']

/** Set while tracing is on: what runs Effect's spans. */
let effectTracer: EffectTracer.Tracer | undefined

/** Once per process, before anything is traced. */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  if (options.endpoint === '' && ENDPOINT_VARIABLES.every((name) => (process.env[name] ?? '') === '')) return OFF
  // The SDK reads the endpoint, headers and protocol from the standard variables.
  if (options.endpoint !== '') process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = options.endpoint
  const { NodeSDK, resources, tracing } = await import('@opentelemetry/sdk-node')
  const { effectTracerOf } = await import('./telemetry-effect.ts')
  const sdk = new NodeSDK({
    autoDetectResources: false,
    resource: resources.resourceFromAttributes({ 'service.name': options.serviceName, 'service.version': options.serviceVersion, ...options.attributes }),
    sampler: new tracing.ParentBasedSampler({ root: new tracing.TraceIdRatioBasedSampler(options.sampleRatio) }),
    metricReaders: [],
    logRecordProcessors: [],
  })
  sdk.start()
  effectTracer = effectTracerOf(tracer())
  return { enabled: true, flush: flushProvider, shutdown: () => end(() => sdk.shutdown()) }
}

async function end(shutdown: () => Promise<void>): Promise<void> {
  effectTracer = undefined
  await shutdown()
  otel.trace.disable()
  otel.context.disable()
  otel.propagation.disable()
}

async function flushProvider(): Promise<void> {
  const provider = otel.trace.getTracerProvider()
  const delegate: unknown = provider instanceof otel.ProxyTracerProvider ? provider.getDelegate() : provider
  if (typeof delegate === 'object' && delegate !== null && 'forceFlush' in delegate && typeof delegate.forceFlush === 'function') await delegate.forceFlush()
}

function tracer(): otel.Tracer {
  return otel.trace.getTracer(TRACER_NAME)
}

/** A span of plain code. All methods are safe after `end`, and free when tracing is off. */
export interface Span {
  set(attributes: Attributes): void
  fail(error: unknown): void
  end(): void
  /** `traceparent` for a message or request that goes on under this span; empty when tracing is off. */
  headers(): Readonly<Record<string, string>>
}

/** Starts a span under `parent`: the headers that a request came with, another span, or (absent) whatever is being worked for. `links`: `traceparent`s of other work that it stands for too. */
export function startSpan(name: string, attributes: Attributes = {}, parent?: TraceCarrier | Span, links: ReadonlyArray<string> = []): Span {
  return new OtelSpan(name, attributes, parentContext(parent), links)
}

/** Runs plain code inside a span: ends it, and marks it failed when the code throws or rejects. */
export async function withSpan<A>(name: string, attributes: Attributes, parent: TraceCarrier | Span | undefined, run: (span: Span) => A | Promise<A>): Promise<A> {
  const own = new OtelSpan(name, attributes, parentContext(parent))
  try {
    return await otel.context.with(own.context, () => run(own))
  } catch (error) {
    own.fail(error)
    throw error
  } finally {
    own.end()
  }
}

/** Runs an Effect inside a span under the headers that a request or message came with; returned as it is when tracing is off. */
export function span<A, E, R>(
  name: string,
  attributes: Attributes,
  parent: TraceCarrier | undefined,
  effect: Effect.Effect<A, E, R>,
  links: ReadonlyArray<string> = [],
): Effect.Effect<A, E, R> {
  if (effectTracer === undefined) return effect
  const remote = parent === undefined ? undefined : otel.trace.getSpanContext(parentContext(parent))
  const linked = spanContextsOf(links).map((context) => ({ span: externalSpan(context), attributes: {} }))
  return Effect.withTracer(Effect.withSpan(effect, name, { attributes, links: linked, ...(remote === undefined ? {} : { parent: externalSpan(remote) }) }), effectTracer)
}

const externalSpan = ({ traceId, spanId, traceFlags }: otel.SpanContext): EffectTracer.ExternalSpan =>
  EffectTracer.externalSpan({ traceId, spanId, sampled: (traceFlags & otel.TraceFlags.SAMPLED) !== 0 })

const spanContextsOf = (traceParents: ReadonlyArray<string>): otel.SpanContext[] =>
  traceParents.flatMap((traceparent) => otel.trace.getSpanContext(otel.propagation.extract(otel.ROOT_CONTEXT, { traceparent })) ?? [])

/** For logs: the trace that is being worked for. */
export function activeTraceFields(): { readonly trace_id: string; readonly span_id: string } | undefined {
  const active = otel.trace.getSpanContext(otel.context.active())
  return active === undefined ? undefined : { trace_id: active.traceId, span_id: active.spanId }
}

class OtelSpan implements Span {
  readonly context: otel.Context
  readonly #span: otel.Span

  constructor(name: string, attributes: Attributes, parent: otel.Context, links: ReadonlyArray<string> = []) {
    this.#span = tracer().startSpan(name, { attributes, links: spanContextsOf(links).map((context) => ({ context })) }, parent)
    this.context = otel.trace.setSpan(parent, this.#span)
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes)
  }

  fail(error: unknown): void {
    this.#span.recordException(error instanceof Error ? error : String(error))
    this.#span.setStatus({ code: otel.SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) })
  }

  end(): void {
    this.#span.end()
  }

  headers(): Readonly<Record<string, string>> {
    const carrier: Record<string, string> = {}
    otel.propagation.inject(this.context, carrier)
    return carrier
  }
}

function parentContext(parent: TraceCarrier | Span | undefined): otel.Context {
  if (parent instanceof OtelSpan) return parent.context
  if (parent === undefined) return otel.context.active()
  return otel.propagation.extract(otel.context.active(), parent)
}
