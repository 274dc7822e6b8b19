/**
 * Limits of the write path, with Loki's names and defaults (v3.7; https://grafana.com/docs/loki/latest/configure/#limits_config).
 * Read by the tenant actor and the gateway; `limits.ts` puts all groups together.
 */
import { choice, duration, flag, float, inert, integer, listOf, mapOf, recordOf, size, structure, text, texts } from '../../runtime/config-schema.ts'

/** What an attribute rule of `otlp_config` does: first match wins. */
const ATTRIBUTE_RULE = {
  action: choice(['index_label', 'structured_metadata', 'drop'], 'structured_metadata', 'What becomes of the attributes.'),
  attributes: texts([], 'Names of attributes.'),
  regex: text('', 'RE2 expression over attribute names, instead of a list.'),
}
const attributeRules = listOf(recordOf(ATTRIBUTE_RULE))

const POLICY_STREAM = { selector: text('{}', 'Stream selector.'), priority: integer(0, 'The highest wins.') }

const textList = texts([], '').parse
const textMap = mapOf((value) => textList(value))

export const INGEST_LIMITS = {
  ingestion_rate_strategy: choice(['global', 'local'], 'global', 'Whether the rate is shared by all nodes or each node has it for itself.'),
  ingestion_rate_mb: float(4, 'Megabytes a second that a tenant may push.'),
  ingestion_burst_size_mb: float(6, 'Megabytes that one moment may take above the rate.'),
  max_label_name_length: integer(1024, 'Bytes of a label name.'),
  max_label_value_length: integer(2048, 'Bytes of a label value.'),
  max_label_names_per_series: integer(15, 'Labels of a stream; `service_name` is not counted.'),
  reject_old_samples: flag(true, 'Refuse entries older than `reject_old_samples_max_age`.'),
  reject_old_samples_max_age: duration('7d', 'Age from which an entry is too old.'),
  creation_grace_period: duration('10m', 'How far in the future an entry may lie.'),
  max_line_size: size('256KB', 'Bytes of a line; 0 is no limit.'),
  max_line_size_truncate: flag(false, 'Cut longer lines instead of refusing them.'),
  max_line_size_truncate_identifier: text('', 'Text put at the end of a line that was cut.'),
  increment_duplicate_timestamp: flag(false, 'Move an entry with the timestamp of the one before it by 1 ns.'),
  simulated_push_latency: inert(duration('0s', 'Delay added to each push.')),
  discover_generic_fields: inert(structure('a record with `fields`: name to list of label names or JSON paths', { fields: {} as Readonly<Record<string, ReadonlyArray<string>>> }, 'Fields found at ingest and kept as structured metadata.', recordOf({
    fields: structure('a map of names to lists', {} as Readonly<Record<string, ReadonlyArray<string>>>, '', textMap),
  }))),
  discover_service_name: texts(
    ['service', 'app', 'application', 'app_name', 'name', 'app_kubernetes_io_name', 'container', 'container_name', 'k8s_container_name', 'component', 'workload', 'job', 'k8s_job_name'],
    'The first of these labels becomes `service_name` when a stream has none. Empty: nothing is added.',
  ),
  discover_log_levels: flag(true, 'Find the level of an entry and keep it as `detected_level`.'),
  log_level_fields: texts(
    ['level', 'LEVEL', 'Level', 'log.level', 'severity', 'SEVERITY', 'Severity', 'SeverityText', 'lvl', 'LVL', 'Lvl', 'severity_text', 'Severity_Text', 'SEVERITY_TEXT'],
    'Names of fields and labels that hold a level.',
  ),
  log_level_from_json_max_depth: integer(2, 'How deep a JSON line is searched for a level; 0 or less: without limit.', Number.MIN_SAFE_INTEGER),
  use_owned_stream_count: inert(flag(false, 'Count only owned streams against the limit.')),
  max_streams_per_user: integer(0, 'Active streams of a tenant on one node; 0 is no limit.'),
  max_global_streams_per_user: integer(5000, 'Active streams of a tenant over all nodes; 0 is no limit.'),
  unordered_writes: inert(flag(true, 'Accept entries out of order. Always so here.')),
  per_stream_rate_limit: size('3MB', 'Bytes a second that one stream may take.'),
  per_stream_rate_limit_burst: size('15MB', 'Bytes that one moment may take above a stream\'s rate.'),
  shard_streams: {
    enabled: flag(true, 'Split a stream that is faster than `desired_rate`.'),
    time_sharding_enabled: inert(flag(false, 'Also split old entries by time, so that they need not be refused.')),
    time_sharding_ignore_recent: inert(duration('40m', 'Entries younger than this are not split by time.')),
    logging_enabled: inert(flag(false, 'Log each split.')),
    desired_rate: size('1536KB', 'Bytes a second of one shard.'),
  },
  allow_structured_metadata: flag(true, 'Accept structured metadata.'),
  max_structured_metadata_size: size('64KB', 'Bytes of structured metadata of an entry.'),
  max_structured_metadata_entries_count: integer(128, 'Pairs of structured metadata of an entry.'),
  otlp_config: {
    resource_attributes: {
      ignore_defaults: flag(false, 'Drop the built-in list of resource attributes that become labels.'),
      attributes_config: structure('a list of attribute rules', [] as ReturnType<typeof attributeRules>, 'Rules for resource attributes.', attributeRules),
    },
    scope_attributes: structure('a list of attribute rules', [] as ReturnType<typeof attributeRules>, 'Rules for scope attributes.', attributeRules),
    log_attributes: structure('a list of attribute rules', [] as ReturnType<typeof attributeRules>, 'Rules for attributes of records.', attributeRules),
    severity_text_as_label: flag(false, 'Make `severity_text` a label.'),
  },
  block_ingestion_until: text('', 'Refuse pushes until this time (RFC 3339).'),
  block_ingestion_status_code: integer(260, 'Status of a refused push; 200 drops silently.'),
  block_ingestion_policy_until: inert(structure('a map of policies to times', {} as Readonly<Record<string, string>>, 'Refuse pushes of a policy until its time (RFC 3339).', mapOf((value) => text('', '').parse(value)))),
  enforced_labels: texts([], 'Labels that every stream must have.'),
  policy_enforced_labels: inert(structure('a map of policies to lists of labels', {} as Readonly<Record<string, ReadonlyArray<string>>>, 'Labels that the streams of a policy must have.', textMap)),
  policy_stream_mapping: inert(structure('a map of policies to lists of selector and priority', {} as Readonly<Record<string, ReadonlyArray<{ readonly selector: string; readonly priority: number }>>>, 'Which streams fall under which policy.', mapOf((value) => listOf(recordOf(POLICY_STREAM))(value)))),
  policy_override_limits: inert(structure('a map of policies to limits', {} as Readonly<Record<string, unknown>>, 'Stream limits of single policies.', mapOf((value) => value))),
  ingestion_partitions_tenant_shard_size: integer(0, 'Partitions that a tenant is spread over; 0 is all.'),
}
