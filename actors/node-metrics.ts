/**
 * The metrics of a node, made once. Loki's names where the meaning is the same, so that its dashboards and alerts work; `skald_` where Loki has none.
 */
import { REQUEST_BUCKETS_S, SIZE_BUCKETS_BYTES, type Counter, type Gauge, type Histogram, type Metrics } from '../runtime/metrics.ts'

export interface NodeMetrics {
  readonly bytesReceived: Counter<'tenant'>
  readonly linesReceived: Counter<'tenant'>
  readonly discardedSamples: Counter<'reason' | 'tenant'>
  readonly discardedBytes: Counter<'reason' | 'tenant'>
  readonly walRecords: Counter
  readonly walBytes: Counter
  readonly walDamaged: Counter<'partition'>
  readonly partitionBytes: Counter<'partition'>
  readonly segmentsFlushed: Counter<'reason'>
  readonly flushFailures: Counter<'step'>
  readonly segmentBytes: Histogram
  readonly segmentRatio: Histogram
  readonly queries: Counter<'outcome'>
  readonly queryBytesFetched: Counter
  readonly queryBytesSkipped: Counter
  readonly workerCrashes: Counter
  readonly flushQueue: Gauge
  readonly flushSeconds: Histogram
  readonly storeRetries: Counter<'operation'>
  readonly orphanObjects: Gauge
  readonly orphansDeleted: Counter
}

export function makeNodeMetrics(metrics: Metrics): NodeMetrics {
  return {
    bytesReceived: metrics.counter('loki_distributor_bytes_received_total', 'Bytes of lines and structured metadata received.', ['tenant']),
    linesReceived: metrics.counter('loki_distributor_lines_received_total', 'Lines received.', ['tenant']),
    discardedSamples: metrics.counter('loki_discarded_samples_total', 'Lines refused, by reason.', ['reason', 'tenant']),
    discardedBytes: metrics.counter('loki_discarded_bytes_total', 'Bytes refused, by reason.', ['reason', 'tenant']),
    walRecords: metrics.counter('loki_ingester_wal_records_logged_total', 'Records published to the write-ahead log.'),
    walBytes: metrics.counter('skald_wal_bytes_logged_total', 'Bytes published to the write-ahead log.'),
    walDamaged: metrics.counter('skald_wal_damaged_records_total', 'Records of the write-ahead log that cannot be read, kept aside in the bucket.', ['partition']),
    partitionBytes: metrics.counter('skald_partition_bytes_received_total', 'Bytes of lines and structured metadata of partitions, counted by their owners; replays are not.', ['partition']),
    segmentsFlushed: metrics.counter('loki_ingester_chunks_flushed_total', 'Cuts flushed, by reason.', ['reason']),
    flushFailures: metrics.counter('skald_flush_failures_total', 'Failed steps of a flush (each is repeated).', ['step']),
    segmentBytes: metrics.histogram('skald_segment_size_bytes', 'Stored size of a segment.', SIZE_BUCKETS_BYTES),
    segmentRatio: metrics.histogram('skald_segment_stored_ratio', 'Stored size of a segment as a share of its lines.', [0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1]),
    queries: metrics.counter('skald_queries_total', 'Queries, by outcome.', ['outcome']),
    queryBytesFetched: metrics.counter('skald_query_bytes_fetched_total', 'Bytes that queries fetched from the object store.'),
    queryBytesSkipped: metrics.counter('skald_query_bytes_skipped_total', 'Stored bytes that queries did not have to fetch.'),
    workerCrashes: metrics.counter('skald_worker_crashes_total', 'Worker threads that died and were replaced.'),
    flushQueue: metrics.gauge('loki_ingester_flush_queue_length', 'Cuts that wait to be flushed or are being flushed.'),
    flushSeconds: metrics.histogram('skald_flush_duration_seconds', 'From cut to purge.', REQUEST_BUCKETS_S),
    storeRetries: metrics.counter('skald_object_store_retries_total', 'Requests to the object store that failed and were repeated.', ['operation']),
    orphanObjects: metrics.gauge('skald_orphan_objects', 'Objects that no catalog names, found by the last sweep.'),
    orphansDeleted: metrics.counter('skald_orphan_objects_deleted_total', 'Objects that no catalog named, removed.'),
  }
}
