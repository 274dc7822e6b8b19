/** Lets Effect's spans be OpenTelemetry spans, through `@effect/opentelemetry`. Loaded by `telemetry.ts` only when tracing is on. */
import * as OtelTracer from '@effect/opentelemetry/OtelTracer'
import type { Tracer as OtelApiTracer } from '@opentelemetry/api'
import * as Effect from 'effect/Effect'
import type * as EffectTracer from 'effect/Tracer'

export function effectTracerOf(tracer: OtelApiTracer): EffectTracer.Tracer {
  return Effect.runSync(Effect.provideService(OtelTracer.make, OtelTracer.OtelTracer, tracer))
}
