/**
 * Prometheus metrics behind small typed functions, and the text of `/metrics`. Whoever counts something makes its counter once from the node's `Metrics`.
 * Loki's metric names are used where they mean the same, so that its dashboards and alerts work. The only file that knows prom-client.
 */
import * as prom from 'prom-client'

/** The values of a metric's labels, all of them. */
export type LabelValues<L extends string> = Readonly<Record<L, string | number>>

export interface Counter<L extends string = never> {
  inc(amount?: number): void
  inc(labels: LabelValues<L>, amount?: number): void
}

export interface Gauge<L extends string = never> {
  set(value: number): void
  set(labels: LabelValues<L>, value: number): void
  inc(amount?: number): void
  dec(amount?: number): void
  /** Forgets one label set, e.g. of a tenant that left. */
  remove(labels: LabelValues<L>): void
}

export interface Histogram<L extends string = never> {
  observe(value: number): void
  observe(labels: LabelValues<L>, value: number): void
}

export interface Metrics {
  counter<L extends string = never>(name: string, help: string, labels?: ReadonlyArray<L>): Counter<L>
  gauge<L extends string = never>(name: string, help: string, labels?: ReadonlyArray<L>): Gauge<L>
  /** A gauge that is asked when the metrics are read. */
  gaugeFrom(name: string, help: string, read: () => number): void
  histogram<L extends string = never>(name: string, help: string, buckets: ReadonlyArray<number>, labels?: ReadonlyArray<L>): Histogram<L>
  /** The exposition text and its content type. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>
}

/** Seconds, as Loki's request histogram has them. */
export const REQUEST_BUCKETS_S: ReadonlyArray<number> = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100]
/** Bytes: 1 KiB to 1 GiB by four. */
export const SIZE_BUCKETS_BYTES: ReadonlyArray<number> = Array.from({ length: 11 }, (_, i) => 1024 * 4 ** i)

/** A registry of its own each time, so that several nodes can live in one process. `processMetrics`: also those of Node itself, once a process. */
export function createMetrics(options: { readonly processMetrics?: boolean } = {}): Metrics {
  const registry = new prom.Registry()
  const registers = [registry]
  if (options.processMetrics) prom.collectDefaultMetrics({ register: registry })
  return {
    counter: (name, help, labels = []) => new prom.Counter({ name, help, labelNames: [...labels], registers }),
    gauge: (name, help, labels = []) => new prom.Gauge({ name, help, labelNames: [...labels], registers }),
    gaugeFrom: (name, help, read) => {
      const gauge: prom.Gauge = new prom.Gauge({ name, help, registers, collect: () => gauge.set(read()) })
    },
    histogram: (name, help, buckets, labels = []) => new prom.Histogram({ name, help, buckets: [...buckets], labelNames: [...labels], registers }),
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}
