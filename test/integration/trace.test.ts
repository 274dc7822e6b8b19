/** One push's trace, from the request to the catalog's commit, as a real OTLP/HTTP receiver gets it. */
import { connect, headers as natsHeaders } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nowNs, push, startTestNode, until, type TestNode } from '../support/node.ts'
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../support/otlp-receiver.ts'

const PUSH_TRACE = '0af7651916cd43dd8448eb211c80319c'
const traceParent = (traceId: string, sampled = true): string => `00-${traceId}-b7ad6b7169203331-0${sampled ? 1 : 0}`
/** Names of spans from the outermost to the innermost. */
const PATH = ['wal.append', 'partition.apply', 'flush', 'flush.commit']

describe('the trace of a push', { timeout: 60_000 }, () => {
  let receiver: OtlpReceiver
  let node: TestNode
  beforeAll(async () => {
    receiver = await startOtlpReceiver()
    process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/json'
    process.env['OTEL_BSP_SCHEDULE_DELAY'] = '50'
    node = await startTestNode({ environment: { SKALD_OTEL_ENDPOINT: receiver.url } })
  })
  afterAll(async () => {
    await node.remove()
    await receiver.close()
  })

  const flush = async (): Promise<void> => expect((await fetch(`${node.url}/flush`, { method: 'POST' })).status).toBe(204)
  const pushTraced = async (traceparent: string): Promise<void> => {
    expect((await push(node.url, { app: 'traced' }, [[nowNs(), `line under ${traceparent}`]], { traceparent })).status).toBe(204)
  }
  const spansOf = (traceId: string): ReceivedSpan[] => receiver.spans.filter((span) => span.traceId === traceId)
  const span = (traceId: string, name: string): Promise<ReceivedSpan> =>
    until(`span ${name} of ${traceId}`, async () => spansOf(traceId).find((one) => one.name === name))

  /** From the innermost span up to the one that began here. */
  async function ancestry(innermost: ReceivedSpan): Promise<string[]> {
    const names = [innermost.name]
    for (let at = innermost.parentSpanId; at !== 'b7ad6b7169203331'; ) {
      const parent = await until(`span ${at}`, async () => receiver.spans.find((one) => one.spanId === at))
      names.unshift(parent.name)
      at = parent.parentSpanId
    }
    return names
  }

  it('goes from the HTTP request through the log and the flush to the catalog commit, each span below the one before', async () => {
    await pushTraced(traceParent(PUSH_TRACE))
    await flush()
    expect(await ancestry(await span(PUSH_TRACE, 'flush.commit'))).toEqual(['POST loki_api_v1_push', 'tenant.push', ...PATH])
    expect(await span(PUSH_TRACE, 'push.decode')).toBeDefined()
    for (const step of ['encode', 'put', 'purge']) expect(await span(PUSH_TRACE, `flush.${step}`)).toBeDefined()
    expect((await span(PUSH_TRACE, 'flush')).attributes).toContainEqual({ key: 'skald.reason', value: { stringValue: 'forced' } })
  })

  it('goes the same way for a push over NATS', async () => {
    const traceId = '1af7651916cd43dd8448eb211c80319c'
    const status = (await (await fetch(`${node.url}/status`)).json()) as { nats: { url: string } }
    const nats = await connect({ servers: status.nats.url })
    const headers = natsHeaders()
    headers.set('Content-Type', 'application/json')
    headers.set('traceparent', traceParent(traceId))
    const body = JSON.stringify({ streams: [{ stream: { app: 'traced' }, values: [[String(nowNs()), 'over NATS']] }] })
    const answer = await nats.request('skald.push.fake', body, { headers, timeout: 5_000 })
    await nats.close()
    expect(answer.headers?.get('Status')).toBe('204')
    await flush()
    expect(await ancestry(await span(traceId, 'flush.commit'))).toEqual(['NATS skald.push', 'tenant.push', ...PATH])
  })

  it('belongs to the first traced push of a flush; others are linked, a bounded number of them', async () => {
    const ids = Array.from({ length: 40 }, (_, i) => (i + 10).toString(16).padStart(32, '3'))
    await pushTraced(traceParent(ids[0]!))
    await Promise.all(ids.slice(1).map((id) => pushTraced(traceParent(id))))
    await flush()
    const flushed = await span(ids[0]!, 'flush')
    expect(flushed.links!.length).toBeGreaterThan(0)
    expect(flushed.links!.length).toBeLessThanOrEqual(16)
    expect(flushed.links!.every((link) => ids.includes(link.traceId))).toBe(true)
  })

  it('survives a restart between the acknowledgement and the flush: the log carries it', async () => {
    const traceId = '2af7651916cd43dd8448eb211c80319c'
    await pushTraced(traceParent(traceId))
    await node.restart()
    await flush()
    expect(await ancestry(await span(traceId, 'flush.commit'))).toEqual(['POST loki_api_v1_push', 'tenant.push', ...PATH])
  })

  it('is none when the client says so', async () => {
    const traceId = '4af7651916cd43dd8448eb211c80319c'
    await pushTraced(traceParent(traceId, false))
    await flush()
    const after = '5af7651916cd43dd8448eb211c80319c'
    await pushTraced(traceParent(after))
    await span(after, 'wal.append')
    expect(spansOf(traceId)).toEqual([])
  })
})
