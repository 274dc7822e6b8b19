import { describe, expect, it } from 'vitest'
import { type Group, isSetting } from '../../runtime/config-schema.ts'
import { LIMITS, LIMIT_DEFAULTS, TenantLimits, limitsWith, parseLimitOverrides } from '../../protocols/limits.ts'

/** Dotted names of limits. */
const keysOf = (group: Group, wanted: (acts: boolean) => boolean): string[] =>
  Object.entries(group).flatMap(([key, item]) => (isSetting(item) ? (wanted(item.acts) ? [key] : []) : keysOf(item, wanted).map((inner) => `${key}.${inner}`)))

describe('limits', () => {
  it("has Loki's defaults", () => {
    expect(LIMIT_DEFAULTS).toMatchObject({
      ingestion_rate_mb: 4, ingestion_burst_size_mb: 6, max_line_size: 262_144, max_label_names_per_series: 15, max_label_name_length: 1024, max_label_value_length: 2048,
      reject_old_samples: true, reject_old_samples_max_age: 7 * 86_400_000, creation_grace_period: 600_000, max_global_streams_per_user: 5000, per_stream_rate_limit: 3 << 20, per_stream_rate_limit_burst: 15 << 20,
      max_query_series: 500, max_entries_limit_per_query: 5000, max_query_length: 721 * 3_600_000, max_query_parallelism: 32, query_timeout: 60_000, split_queries_by_interval: 3_600_000,
      max_structured_metadata_size: 65_536, max_structured_metadata_entries_count: 128, retention_period: 0, deletion_mode: 'filter-and-delete', max_querier_bytes_read: 150 * 2 ** 30,
    })
  })

  it("knows all of Loki 3.7's keys, each once", () => {
    const keys = keysOf(LIMITS, () => true)
    expect(keys.length).toBeGreaterThan(130)
    expect(new Set(keys).size).toBe(keys.length)
    const inert = keysOf(LIMITS, (acts) => !acts)
    expect(inert).toEqual(expect.arrayContaining(['bloom_creation_enabled', 'retention_period', 'policy_enforced_labels', 'shard_streams.time_sharding_enabled']))
    expect(inert).not.toContain('max_line_size')
  })

  it('merges a tenant\'s own limits over the node\'s, nested ones by key', () => {
    const own = limitsWith(LIMIT_DEFAULTS, parseLimitOverrides({ max_line_size: '1KB', shard_streams: { desired_rate: '1MB' } }))
    expect(own.max_line_size).toBe(1024)
    expect(own.shard_streams).toEqual({ ...LIMIT_DEFAULTS.shard_streams, desired_rate: 1 << 20 })
    expect(own.query_timeout).toBe(LIMIT_DEFAULTS.query_timeout)
  })

  it('gives a tenant without overrides the very same record as everyone', () => {
    const limits = new TenantLimits(LIMIT_DEFAULTS, { a: parseLimitOverrides({ query_timeout: '5s' }) })
    expect(limits.of('b')).toBe(LIMIT_DEFAULTS)
    expect(limits.of('a').query_timeout).toBe(5_000)
    expect(limits.of('a')).toBe(limits.of('a'))
    expect(limits.of('__proto__')).toBe(LIMIT_DEFAULTS)
  })

  it.each([
    [{ max_line_sise: 1 }, 'unknown limit max_line_sise'],
    [{ constructor: 1 }, 'unknown limit constructor'],
    [{ max_line_size: 'big' }, 'max_line_size is "big", expected a size'],
    [{ otlp_config: { log_attributes: [{ action: 'explode' }] } }, 'log_attributes'],
  ])('refuses %j', (value, message) => {
    expect(() => parseLimitOverrides(value)).toThrow(message)
  })

  it("reads Loki's structured limits", () => {
    const parsed = parseLimitOverrides({
      retention_stream: [{ selector: '{a="b"}', priority: 1, period: '24h' }],
      policy_stream_mapping: { ops: [{ selector: '{a="b"}', priority: 2 }] },
      otlp_config: { resource_attributes: { attributes_config: [{ action: 'index_label', attributes: ['x.y'] }] } },
    })
    expect(parsed).toMatchObject({ retention_stream: [{ period: 86_400_000 }], policy_stream_mapping: { ops: [{ priority: 2 }] } })
  })
})
