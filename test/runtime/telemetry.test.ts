import * as Effect from 'effect/Effect'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Telemetry, activeTraceFields, span, startSpan, startTelemetry, withSpan } from '../../runtime/telemetry.ts'
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts'

const PARENT = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
const OPTIONS = { endpoint: '', serviceName: 'skald-test', serviceVersion: '1.2.3', sampleRatio: 1 }

describe('tracing that is off', () => {
  it('costs nothing: no headers, no trace, the Effect itself', async () => {
    const off = await startTelemetry(OPTIONS)
    expect(off.enabled).toBe(false)
    const effect = Effect.succeed(1)
    expect(span('x', {}, PARENT, effect)).toBe(effect)
    expect(activeTraceFields()).toBeUndefined()
    const own = startSpan('x')
    own.fail(new Error('ignored'))
    own.end()
    expect(own.headers()).toEqual({})
    expect(await withSpan('y', {}, undefined, () => 2)).toBe(2)
  })
})

describe('tracing that is on', () => {
  let receiver: OtlpReceiver
  let telemetry: Telemetry

  beforeAll(async () => {
    receiver = await startOtlpReceiver()
    process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/json'
    telemetry = await startTelemetry({ ...OPTIONS, endpoint: receiver.url })
  })
  afterAll(async () => {
    await telemetry.shutdown()
    await receiver.close()
  })

  const received = async (name: string) => {
    await telemetry.flush()
    const found = receiver.spans.find((one) => one.name === name)
    if (found === undefined) throw new Error(`no span ${name} among ${receiver.spans.map((one) => one.name).join(', ')}`)
    return found
  }

  it('exports a span of plain code under the parent of the request headers', async () => {
    const own = startSpan('push', { tenant: 'a', bytes: 3 }, PARENT)
    own.end()
    const sent = await received('push')
    expect(sent).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', parentSpanId: 'b7ad6b7169203331' })
    expect(sent.attributes).toContainEqual({ key: 'tenant', value: { stringValue: 'a' } })
  })

  it('carries the context on in headers: a span made from them is a child', async () => {
    const outer = startSpan('outer')
    const inner = startSpan('inner', {}, outer.headers())
    inner.end()
    outer.end()
    expect((await received('inner')).parentSpanId).toBe((await received('outer')).spanId)
  })

  it('knows the active span inside withSpan, for logs and for headers', async () => {
    const [fields, headers] = await withSpan('working', {}, PARENT, async (own) => {
      await Promise.resolve()
      return [activeTraceFields(), own.headers()]
    })
    expect(fields).toMatchObject({ trace_id: '0af7651916cd43dd8448eb211c80319c' })
    expect(headers['traceparent']).toBe(`00-${fields?.trace_id}-${fields?.span_id}-01`)
  })

  it('marks what failed and passes the error on', async () => {
    await expect(withSpan('failing', {}, undefined, () => Promise.reject(new Error('disk full')))).rejects.toThrow('disk full')
    expect((await received('failing')).status).toMatchObject({ code: 2, message: 'disk full' })
  })

  it('spans Effects too, nested, with plain code below them as children', async () => {
    const plain = Effect.promise(() => withSpan('plain-below', {}, undefined, () => {}))
    await Effect.runPromise(span('flush', { partition: 1 }, PARENT, span('encode', {}, undefined, plain)))
    const [flush, encode, below] = [await received('flush'), await received('encode'), await received('plain-below')]
    expect(flush).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', parentSpanId: 'b7ad6b7169203331' })
    expect(encode.parentSpanId).toBe(flush.spanId)
    expect(below.parentSpanId).toBe(encode.spanId)
  })

  it('sends traces only', async () => {
    await telemetry.flush()
    expect(new Set(receiver.paths)).toEqual(new Set(['/v1/traces']))
  })
})
