/** What Loki's operators and Grafana's apps ask of a node besides queries: configuration, services, log level, a tenant's limits. */
import type { HttpRequest, HttpResponse, HttpRoute } from '../../runtime/http-server.ts'
import { showDuration } from '../../runtime/config-schema.ts'
import { renderConfig } from '../../runtime/config-render.ts'
import type { LogLevel } from '../../runtime/log.ts'
import { withoutLogin } from '../../runtime/url-logins.ts'
import { LIMITS } from '../../protocols/limits.ts'
import { tenantOf } from '../../protocols/tenant-id.ts'
import { json } from './api.ts'
import { CONFIG_SCHEMA, loadSkaldConfig, type SkaldConfig } from '../config.ts'
import { headerOf, parametersOf } from './http-parameters.ts'
import type { Services } from '../services.ts'
import { LOKI_API_VERSION } from '../version.ts'

export interface StatusParts {
  readonly services: Services
  readonly config: SkaldConfig
  readonly logLevel: { get(): LogLevel; set(level: LogLevel): void }
}

const LEVELS: ReadonlyArray<LogLevel> = ['debug', 'info', 'warn', 'error']
/** What runs in a node, by Loki's names where it has one. */
const SERVICES = ['server', 'distributor', 'ingester', 'query-frontend', 'querier', 'store', 'ring']

export function statusRoutes(parts: StatusParts): HttpRoute[] {
  return [
    { method: 'GET', path: '/config', handle: ({ query }) => configuration(parts.config, query.get('mode') ?? '') },
    { method: 'GET', path: '/config/tenant/v1/limits', handle: (request) => tenantLimits(parts, request) },
    { method: 'GET', path: '/services', handle: () => text(SERVICES.map((name) => `${name} => Running\n`).join('')) },
    { method: 'GET', path: '/log_level', handle: () => json({ message: `Current log level is ${parts.logLevel.get()}` }) },
    { method: 'POST', path: '/log_level', handle: async (request) => setLevel(parts, await parametersOf(request)) },
    { method: 'GET', path: '/loki/api/v1/drilldown-limits', handle: (request) => drilldownLimits(parts, request) },
  ]
}

const text = (body: string): HttpResponse => ({ status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body })

/** `mode`: `defaults`, or `diff` for what differs from them. */
function configuration(config: SkaldConfig, mode: string): HttpResponse {
  if (mode === 'defaults') return text(renderConfig(CONFIG_SCHEMA, loadSkaldConfig().config, 'all'))
  return text(renderConfig(CONFIG_SCHEMA, withoutSecrets(config), mode === 'diff' ? 'changed' : 'all'))
}

/** Users and passwords in URLs stay here. */
export function withoutSecrets(config: SkaldConfig): SkaldConfig {
  return { ...config, nats: { ...config.nats, url: withoutLogin(config.nats.url) }, object_store: { ...config.object_store, url: withoutLogin(config.object_store.url) } }
}

const tenantIn = ({ config }: StatusParts, request: HttpRequest): string => tenantOf(headerOf(request, 'x-scope-orgid'), config.tenancy.default_tenant)

function tenantLimits(parts: StatusParts, request: HttpRequest): HttpResponse {
  return text(renderConfig(LIMITS, parts.services.limitsOf(tenantIn(parts, request)), 'all'))
}

function setLevel({ logLevel }: StatusParts, parameters: URLSearchParams): HttpResponse {
  const given = parameters.get('log_level') ?? ''
  const level = LEVELS.find((one) => one === given)
  if (level === undefined) return json({ message: `unrecognized log level "${given}"`, status: 'failed' }, 400)
  logLevel.set(level)
  return json({ status: 'success', message: `Log level set to ${level}` })
}

/** What Grafana's log explorer wants to know before it asks. */
function drilldownLimits(parts: StatusParts, request: HttpRequest): HttpResponse {
  const limits = parts.services.limitsOf(tenantIn(parts, request))
  const { discover_log_levels, discover_service_name, log_level_fields, max_entries_limit_per_query, max_line_size_truncate, max_query_bytes_read, max_query_series, retention_stream, volume_enabled, volume_max_series } = limits
  const shown = {
    discover_log_levels, discover_service_name, log_level_fields, max_entries_limit_per_query, max_line_size_truncate, max_query_bytes_read, max_query_series, retention_stream, volume_enabled, volume_max_series,
    max_query_length: showDuration(limits.max_query_length),
    max_query_lookback: showDuration(limits.max_query_lookback),
    max_query_range: showDuration(limits.max_query_range),
    query_timeout: showDuration(limits.query_timeout),
    retention_period: showDuration(limits.retention_period),
  }
  return json({ limits: shown, pattern_ingester_enabled: true, version: LOKI_API_VERSION })
}
