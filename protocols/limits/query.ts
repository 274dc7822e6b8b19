/**
 * Limits of the read path, with Loki's names and defaults (v3.7; https://grafana.com/docs/loki/latest/configure/#limits_config).
 * Read by the query front end; `limits.ts` puts all groups together.
 */
import { duration, flag, float, inert, integer, listOf, recordOf, size, structure, text, texts } from '../../runtime/config-schema.ts'

const BLOCKED_QUERY = {
  pattern: text('', 'Text or expression of a query.'),
  regex: flag(false, 'Whether `pattern` is an RE2 expression.'),
  types: texts([], 'Query types that are blocked (filter, limited, metric); empty: all.'),
  hash: integer(0, 'Hash of a query, instead of a pattern.'),
  tags: structure('a map of texts', {} as Readonly<Record<string, string>>, 'Query tags that must match.', (value) => Object.fromEntries(Object.entries(value ?? {}).map(([key, item]) => [key, String(item)]))),
}
const blockedQueries = listOf(recordOf(BLOCKED_QUERY))

export const QUERY_LIMITS = {
  max_chunks_per_query: inert(integer(2_000_000, 'Chunks of a query.')),
  max_query_series: integer(500, 'Series of a metric query.'),
  max_query_lookback: duration('0s', 'How far back a query may look; 0 is no limit.'),
  max_query_length: duration('721h', 'Longest time range of a query; 0 is no limit.'),
  max_query_range: duration('0s', 'Longest `[range]` of a range aggregation; 0 is no limit.'),
  max_query_parallelism: integer(32, '0: queries are refused. Other values do nothing: tasks of all queries take turns.'),
  tsdb_max_query_parallelism: inert(integer(128, 'Tasks of one query at once.')),
  tsdb_max_bytes_per_shard: size('600MB', 'Bytes of one shard, as `index/shards` answers by default.'),
  tsdb_sharding_strategy: inert(text('power_of_two', 'How queries are sharded.')),
  tsdb_precompute_chunks: inert(flag(false, 'Compute chunks once during planning.')),
  cardinality_limit: inert(integer(100_000, 'Cardinality of index queries.')),
  max_streams_matchers_per_query: integer(1000, 'Label matchers of a query.'),
  max_concurrent_tail_requests: inert(integer(10, 'Tails of a tenant at once.')),
  max_entries_limit_per_query: integer(5000, 'Largest `limit` of a log query; 0 is no limit.'),
  max_cache_freshness_per_query: inert(duration('10m', 'Results younger than this are not cached.')),
  max_metadata_cache_freshness: inert(duration('24h', 'The same for labels and series.')),
  max_stats_cache_freshness: inert(duration('10m', 'The same for statistics.')),
  max_queriers_per_tenant: inert(integer(0, 'Queriers that serve a tenant; 0 is all.')),
  max_query_capacity: inert(float(0, 'Share of the queriers that serve a tenant; 0 is all.')),
  query_ready_index_num_days: inert(integer(0, 'Days of index kept downloaded.')),
  query_timeout: duration('1m', 'Deadline of a query.'),
  split_queries_by_interval: duration('1h', 'Length of the parts a query is split into; also aligns metric queries.'),
  split_metadata_queries_by_interval: inert(duration('24h', 'The same for labels and series.')),
  split_recent_metadata_queries_by_interval: inert(duration('1h', 'The same inside `recent_metadata_query_window`.')),
  recent_metadata_query_window: inert(duration('0s', 'Window that is split by the interval above; 0 is off.')),
  split_instant_metric_queries_by_interval: inert(duration('1h', 'The same for instant metric queries.')),
  engine_results_cache_time_bucket_interval: inert(duration('24h', 'Time bucket of cache keys.')),
  split_ingester_queries_by_interval: inert(duration('0s', 'The same for what ingesters hold.')),
  min_sharding_lookback: inert(duration('0s', 'Younger data is not sharded.')),
  max_query_bytes_read: size('0', 'Bytes that a query may read; 0 is no limit.'),
  max_querier_bytes_read: size('150GB', 'Bytes that a part of a query may read; 0 is no limit.'),
  volume_enabled: flag(true, 'Serve the volume endpoints.'),
  volume_max_series: integer(1000, 'Series of a volume answer.'),
  blocked_queries: structure('a list of blocked queries', [] as ReturnType<typeof blockedQueries>, 'Queries that are refused.', blockedQueries),
  required_labels: texts([], 'Labels that a selector must name.'),
  minimum_labels_number: integer(0, 'Matchers that a selector must have.'),
  shard_aggregations: inert(texts([], 'Aggregations that may run in parts; only `approx_topk` is known.')),
  enable_multi_variant_queries: inert(flag(false, 'Allow several variants in one query.')),
  max_scan_task_parallelism: inert(integer(0, 'Scan tasks at once; 0 is no limit.')),
  debug_engine_tasks: inert(flag(false, 'Log the tasks of a query.')),
  debug_engine_streams: inert(flag(false, 'Log the streams of a query.')),
}
