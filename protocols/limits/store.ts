/**
 * Limits of what happens to stored data: retention, deletion, rules, patterns; and what Loki has there that Skald does not need. Loki's names and
 * defaults (v3.7; https://grafana.com/docs/loki/latest/configure/#limits_config). Nothing acts on most of them: there is no compactor and no ruler yet.
 */
import { choice, duration, flag, float, inert, integer, listOf, mapOf, recordOf, size, structure, text } from '../../runtime/config-schema.ts'
import { CHUNK_ENCODING_NAMES } from './chunk-encoding.ts'

const RETENTION_RULE = {
  selector: text('{}', 'Stream selector.'),
  priority: integer(0, 'The highest wins.'),
  period: duration('0s', 'How long matching streams are kept.'),
}
const retentionRules = listOf(recordOf(RETENTION_RULE))
const anything = (value: unknown): unknown => value

export const STORE_LIMITS = {
  chunk_encoding: choice(['', ...CHUNK_ENCODING_NAMES], '', 'Compression of blocks of a tenant; empty: `ingester.chunk_encoding`. Not a limit of Loki\'s.'),
  retention_period: inert(duration('0s', 'How long data is kept; 0 is for ever.')),
  retention_stream: inert(structure('a list of selector, priority and period', [] as ReturnType<typeof retentionRules>, 'Retention of single streams.', retentionRules)),
  deletion_mode: inert(choice(['disabled', 'filter-only', 'filter-and-delete'], 'filter-and-delete', 'What a delete request does.')),
  allow_deletes: inert(flag(false, 'Older name of `deletion_mode`.')),
  ruler_max_rules_per_rule_group: inert(integer(0, 'Rules of a group; 0 is no limit.')),
  ruler_max_rule_groups_per_tenant: inert(integer(0, 'Groups of a tenant; 0 is no limit.')),
  ruler_tenant_shard_size: inert(integer(0, 'Rulers of a tenant; 0 is all.')),
  ruler_enable_wal_replay: inert(flag(true, 'Replay the ruler\'s log at start.')),
  ruler_remote_write_disabled: inert(flag(false, 'Do not send the samples of recording rules.')),
  ruler_remote_write_url: inert(text('', 'Where samples are sent to.')),
  ruler_remote_write_timeout: inert(duration('0s', 'Deadline of sending.')),
  ruler_remote_write_headers: inert(structure('a map of texts', {} as Readonly<Record<string, string>>, 'Headers of sending.', mapOf((value) => text('', '').parse(value)))),
  ruler_remote_write_relabel_configs: inert(structure('a list', [] as ReadonlyArray<unknown>, 'Relabelling of samples.', listOf(anything))),
  ruler_remote_write_queue_capacity: inert(integer(0, 'Samples buffered per shard.')),
  ruler_remote_write_queue_min_shards: inert(integer(0, 'Fewest senders.')),
  ruler_remote_write_queue_max_shards: inert(integer(0, 'Most senders.')),
  ruler_remote_write_queue_max_samples_per_send: inert(integer(0, 'Samples of one request.')),
  ruler_remote_write_queue_batch_send_deadline: inert(duration('0s', 'Longest wait in the buffer.')),
  ruler_remote_write_queue_min_backoff: inert(duration('0s', 'First delay of a retry.')),
  ruler_remote_write_queue_max_backoff: inert(duration('0s', 'Longest delay of a retry.')),
  ruler_remote_write_queue_retry_on_ratelimit: inert(flag(false, 'Retry after a 429.')),
  ruler_remote_write_sigv4_config: inert(structure('a map', {} as Readonly<Record<string, unknown>>, 'Signing of requests.', mapOf(anything))),
  ruler_remote_write_config: inert(structure('a map of clients', {} as Readonly<Record<string, unknown>>, 'Limits of single remote-write clients.', mapOf(anything))),
  ruler_remote_evaluation_timeout: inert(duration('0s', 'Deadline of a remote evaluation.')),
  ruler_remote_evaluation_max_response_size: inert(integer(0, 'Bytes of a remote evaluation\'s answer.')),
  pattern_ingester_tokenizable_json_fields_default: inert(text('log,message,msg,msg_,_msg,content', 'JSON fields in which patterns are looked for.')),
  pattern_ingester_tokenizable_json_fields_append: inert(text('', 'Further such fields.')),
  pattern_ingester_tokenizable_json_fields_delete: inert(text('', 'Fields taken out of the list.')),
  metric_aggregation_enabled: inert(flag(false, 'Write counts back as `__aggregated_metric__` streams.')),
  pattern_persistence_enabled: inert(flag(false, 'Write patterns back as `__pattern__` streams.')),
  pattern_persistence_granularity: inert(duration('0s', 'Time step of such patterns.')),
  pattern_rate_threshold: inert(float(1, 'Samples a second from which a pattern is kept.')),
  index_gateway_shard_size: inert(integer(0, 'Index gateways of a tenant.')),
  index_gateway_max_capacity: inert(float(1, 'Share of the index gateways of a tenant.')),
  bloom_gateway_enable_filtering: inert(flag(false, 'Filter by blooms. Segments always carry filters here.')),
  bloom_creation_enabled: inert(flag(false, 'Build blooms.')),
  bloom_planning_strategy: inert(text('split_keyspace_by_factor', 'How bloom tasks are planned.')),
  bloom_split_series_keyspace_by: inert(integer(256, 'Parts of the key space.')),
  bloom_task_target_series_chunk_size: inert(size('20GB', 'Size of a bloom task.')),
  bloom_build_max_builders: inert(integer(0, 'Bloom builders of a tenant.')),
  bloom_build_task_max_retries: inert(integer(3, 'Retries of a bloom task.')),
  bloom_build_builder_response_timeout: inert(duration('0s', 'Deadline of a bloom builder.')),
  bloom_block_encoding: inert(text('none', 'Compression of bloom blocks.')),
  bloom_prefetch_blocks: inert(flag(false, 'Load bloom blocks at once.')),
  bloom_max_block_size: inert(size('200MB', 'Size of a bloom block.')),
  bloom_max_bloom_size: inert(size('128MB', 'Size of one bloom.')),
  s3_sse_type: inert(text('', 'Server-side encryption of a tenant.')),
  s3_sse_kms_key_id: inert(text('', 'Its key.')),
  s3_sse_kms_encryption_context: inert(text('', 'Its context.')),
  per_tenant_override_config: inert(text('', 'File of overrides. Here they stand under `overrides`.')),
  per_tenant_override_period: inert(duration('10s', 'How often that file is read.')),
}
