import { describe, expect, it } from 'vitest'
import { createMetrics } from '../../runtime/metrics.ts'

describe('createMetrics', () => {
  it('renders counters, gauges and histograms as Prometheus text', async () => {
    const metrics = createMetrics()
    const received = metrics.counter('loki_distributor_bytes_received_total', 'Bytes.', ['tenant'])
    received.inc({ tenant: 'a' }, 10)
    received.inc({ tenant: 'a' })
    metrics.gauge('loki_ingester_memory_streams', 'Streams.', ['tenant']).set({ tenant: 'a' }, 7)
    metrics.histogram('sizes', 'Sizes.', [1, 10]).observe(5)
    metrics.counter('plain_total', 'Plain.').inc()
    const { contentType, text } = await metrics.render()
    expect(contentType).toContain('text/plain')
    expect(text).toContain('loki_distributor_bytes_received_total{tenant="a"} 11')
    expect(text).toContain('loki_ingester_memory_streams{tenant="a"} 7')
    expect(text).toContain('sizes_bucket{le="10"} 1')
    expect(text).toContain('plain_total 1')
  })

  it('asks a read gauge at each scrape', async () => {
    const metrics = createMetrics()
    let length = 1
    metrics.gaugeFrom('loki_ingester_flush_queue_length', 'Queue.', () => length)
    expect((await metrics.render()).text).toContain('loki_ingester_flush_queue_length 1')
    length = 2
    expect((await metrics.render()).text).toContain('loki_ingester_flush_queue_length 2')
  })

  it('forgets a label set', async () => {
    const metrics = createMetrics()
    const gauge = metrics.gauge('g', 'G.', ['tenant'])
    gauge.set({ tenant: 'gone' }, 1)
    gauge.remove({ tenant: 'gone' })
    expect((await metrics.render()).text).not.toContain('gone')
  })

  it('keeps two nodes of one process apart, and has the process metrics when asked', async () => {
    createMetrics().counter('same_total', 'Same.').inc()
    const other = createMetrics({ processMetrics: true })
    other.counter('same_total', 'Same.')
    const { text } = await other.render()
    expect(text).toContain('same_total 0')
    expect(text).toContain('process_cpu_seconds_total')
    expect((await createMetrics().render()).text).not.toContain('process_')
  })
})
