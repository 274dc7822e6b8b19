import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { CONFIG_SCHEMA, loadSkaldConfig } from '../../actors/config.ts'
import { environmentName, leavesOf } from '../../runtime/config.ts'
import { renderConfigDocs } from '../../runtime/config-docs.ts'

const root = path.resolve(import.meta.dirname, '../..')
const recorded = path.resolve(root, '../shared/conformance/skald.yaml')

describe('the configuration', () => {
  it('listens on loopback, port 3100, as tenant fake, with data in ./data', () => {
    const { config } = loadSkaldConfig()
    expect(config.http).toMatchObject({ host: '127.0.0.1', port: 3100 })
    expect(config.tenancy.default_tenant).toBe('fake')
    expect(config.data_dir).toBe('./data')
    expect(config.nats.url).toBe('')
  })

  it('takes the variables of the interface that must hold still', () => {
    const { config, warnings } = loadSkaldConfig({
      environment: {
        SKALD_HTTP_PORT: '1', SKALD_HTTP_HOST: '0.0.0.0', SKALD_DATA_DIR: '/d', SKALD_NATS_URL: 'nats://a', SKALD_NATS_PORT: '2', SKALD_NATS_BIN: '/n',
        SKALD_OBJECT_STORE_URL: 's3://logs/p', SKALD_TENANCY_DEFAULT_TENANT: '', SKALD_PARTITIONS: '8', SKALD_ROLES: 'gateway,query', SKALD_CONFIG: 'x', SKALD_LIMITS_CONFIG_MAX_LINE_SIZE: '1MB',
      },
    })
    expect(warnings).toEqual([])
    expect(config).toMatchObject({ http: { port: 1, host: '0.0.0.0' }, data_dir: '/d', nats: { url: 'nats://a', port: 2, bin: '/n' }, object_store: { url: 's3://logs/p' }, tenancy: { default_tenant: '' }, partitions: 8, roles: ['gateway', 'query'] })
    expect(config.limits_config.max_line_size).toBe(1 << 20)
  })

  it.each([
    ['roles: [gatway]', 'roles is ["gatway"]; one or more of all, gateway, partitions, query, ruler, compactor expected'],
    ['roles: []', 'roles is []; one or more of all'],
    ['nats: {sync_interval: 2 minutes}', 'nats.sync_interval is "2 minutes"; always, or a duration such as 10s or 2m expected'],
    ['cluster: {lease_ttl: 10ms}', 'cluster.lease_ttl is "10ms"; a duration of at least 1s expected'],
    ['cluster: {heartbeat_interval: 0s}', 'cluster.heartbeat_interval is "0s"; a duration of at least 100ms expected'],
  ])('refuses %s, which would do nothing or harm', (yaml, message) => {
    expect(() => loadSkaldConfig({ yaml })).toThrow(message)
  })

  it('warns of roles that have nothing to do yet', () => {
    expect(loadSkaldConfig({ yaml: 'roles: [query, compactor]' }).warnings).toEqual(['roles: compactor is accepted and does nothing yet'])
  })

  it('gives every key a variable of its own', () => {
    const names = leavesOf(CONFIG_SCHEMA).map((leaf) => environmentName(leaf.path))
    expect(new Set(names).size).toBe(names.length)
  })

  it.skipIf(!existsSync(recorded))('loads the file that the recorded answers were made with (skipped without ../shared)', () => {
    const { config, warnings } = loadSkaldConfig({ yaml: readFileSync(recorded, 'utf8') })
    expect(warnings).toEqual(['the configuration file: limits_config.shard_aggregations is accepted and has no effect in Skald'])
    expect(config.tenancy.default_tenant).toBe('')
    expect(config.limits_config).toMatchObject({ ingestion_rate_mb: 1000, per_stream_rate_limit: 2 ** 30, max_query_length: 0, query_timeout: 600_000, discover_service_name: [], shard_aggregations: ['approx_topk'] })
  })

  it('takes limits of single tenants and names what is wrong in them', () => {
    const { config } = loadSkaldConfig({ yaml: 'overrides:\n  team-a:\n    ingestion_rate_mb: 50\n    shard_streams: {enabled: false}\n' })
    expect(config.overrides['team-a']).toEqual({ ingestion_rate_mb: 50, shard_streams: { enabled: false } })
    expect(() => loadSkaldConfig({ yaml: 'overrides: {team-a: {ingestion_rte_mb: 50}}' })).toThrow('tenant team-a: unknown limit ingestion_rte_mb')
    expect(() => loadSkaldConfig({ yaml: 'overrides: {team-a: {query_timeout: 7}}' })).toThrow('query_timeout is 7')
  })

  it('warns of limits of single tenants that nothing acts on', () => {
    const { warnings } = loadSkaldConfig({ yaml: 'overrides:\n  team-a: {max_line_size: 1KB, retention_period: 1h, shard_streams: {enabled: false, logging_enabled: true}}\n  team-b: {cardinality_limit: 5}\n' })
    expect(warnings).toEqual([
      'overrides: retention_period of tenant team-a is accepted and has no effect in Skald',
      'overrides: shard_streams.logging_enabled of tenant team-a is accepted and has no effect in Skald',
      'overrides: cardinality_limit of tenant team-b is accepted and has no effect in Skald',
    ])
  })

  it('is documented: docs/configuration.md is current (node bin/print-config-docs.ts rewrites it)', () => {
    expect(readFileSync(path.join(root, 'docs/configuration.md'), 'utf8')).toContain(renderConfigDocs(CONFIG_SCHEMA))
  })
})
