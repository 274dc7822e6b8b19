/** Real clients, as programs use them today to send their logs to Loki, push to a node as they come: what they sent is found as Loki would show it. */
import { pino } from 'pino'
import { pinoLoki } from 'pino-loki'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import winston from 'winston'
import LokiTransport from 'winston-loki'
import { startTestNode, type TestNode } from '../support/node.ts'

interface Stream {
  readonly stream: Readonly<Record<string, string>>
  readonly values: ReadonlyArray<readonly [string, string]>
}

describe('a client of Loki', () => {
  let node: TestNode
  beforeAll(async () => {
    node = await startTestNode()
  })
  afterAll(() => node.remove())

  const find = async (selector: string): Promise<ReadonlyArray<Stream>> => {
    const answer = await fetch(`${node.url}/loki/api/v1/query_range?${new URLSearchParams({ query: selector, direction: 'forward' })}`)
    return ((await answer.json()) as { data: { result: ReadonlyArray<Stream> } }).data.result
  }
  const linesOf = (streams: ReadonlyArray<Stream>): string[] => streams.flatMap(({ values }) => values.map(([, line]) => line))

  it.each([
    ['JSON', true],
    ['snappy protobuf', false],
  ])('winston-loki, %s', async (name, json) => {
    const transport = new LokiTransport({ host: node.url, json, labels: { app: `winston-${json}` }, interval: 0.05, replaceTimestamp: false, gracefulShutdown: false })
    const logger = winston.createLogger({ transports: [transport] })
    const sent = Array.from({ length: 50 }, (_, order) => ({ order, level: order % 10 === 0 ? 'warn' : 'info' }))
    for (const { order, level } of sent) logger.log(level, `${name} sale`, { order })
    await transport.flush()
    const streams = await find(`{app="winston-${json}"}`)
    expect(streams.find(({ stream }) => stream['level'] === 'warn')?.stream).toMatchObject({ detected_level: 'warn', service_name: `winston-${json}` })
    // As JSON it sends the order as structured metadata too.
    expect(linesOf(await find(`{app="winston-${json}", level="info"} | order="7"`))).toHaveLength(json ? 1 : 0)
    expect(linesOf(streams).toSorted()).toEqual(sent.map((rest) => `${name} sale ${JSON.stringify(rest)}`).toSorted())
  })

  it('pino-loki, with structured metadata', async () => {
    const transport = pinoLoki({ host: node.url, labels: { app: 'pino' }, structuredMetaKey: 'meta', batching: { interval: 0.05 } })
    const logger = pino(transport)
    logger.info({ meta: { trace: 'abc' } }, 'first')
    logger.error('second')
    transport.end()
    await expect.poll(() => find('{app="pino"}').then((streams) => linesOf(streams).length)).toBe(2)
    const streams = await find('{app="pino"} | trace="abc"')
    expect(streams).toHaveLength(1)
    expect(streams[0]?.stream).toMatchObject({ app: 'pino', level: 'info', trace: 'abc' })
    expect(linesOf(streams)[0]).toContain('first')
  })

  it('the OpenTelemetry SDK', async () => {
    const exporter = new OTLPLogExporter({ url: `${node.url}/otlp/v1/logs` })
    const provider = new LoggerProvider({ resource: resourceFromAttributes({ 'service.name': 'checkout' }), processors: [new BatchLogRecordProcessor({ exporter })] })
    provider.getLogger('cart').emit({ body: 'paid', severityText: 'ERROR', severityNumber: 17, attributes: { order: 7 } })
    await provider.forceFlush()
    await provider.shutdown()
    const streams = await find('{service_name="checkout"} | order="7"')
    expect(linesOf(streams)).toEqual(['paid'])
    expect(streams[0]?.stream).toMatchObject({ service_name: 'checkout', severity_text: 'ERROR', severity_number: '17', scope_name: 'cart', detected_level: 'error' })
  })
})
