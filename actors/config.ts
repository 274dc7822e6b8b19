/**
 * Skald's configuration: the schema of every key (docs/configuration.md is printed from it) and the typed record that `root.ts` starts a node with.
 * Loading is pure: the caller brings the file's text and the environment. No key is read anywhere else.
 */
import { type Loaded, loadConfig } from '../runtime/config.ts'
import { type ConfigOf, FormError, choice, duration, flag, inert, integer, refuse, restricted, size, structure, text, texts } from '../runtime/config-schema.ts'
import { CHUNK_ENCODING_NAMES } from '../protocols/limits/chunk-encoding.ts'
import { inertLimitsOf, type LimitOverrides, LIMITS, parseOverrides } from '../protocols/limits.ts'
import { parseObjectStoreUrl } from '../storage/object-store-url.ts'

const ROLES = ['all', 'gateway', 'partitions', 'query', 'ruler', 'compactor']
const ROLES_WITHOUT_WORK = ['ruler', 'compactor']
/** Shorter, and an event loop that is late for once, or a slow network, would be taken for a death. */
const LEASE_MS_MIN = 1_000
const HEARTBEAT_MS_MIN = 100
/** As nats-server's own configuration takes it. */
const SYNC_INTERVAL = /^(?:always|(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+)$/

export const CONFIG_SCHEMA = {
  data_dir: text('./data', 'Folder of everything this node keeps: embedded NATS, local objects, caches.'),
  partitions: integer(1, 'Partitions of the write-ahead log: one for a single node, a few a node for a cluster. Can grow later.', 1, 4096),
  roles: restricted(
    texts(['all'], 'What this node does: `all`, or some of gateway, partitions, query. (`ruler` and `compactor` are accepted and do nothing yet.)'),
    `one or more of ${ROLES.join(', ')}`,
    (roles) => roles.length > 0 && roles.every((role) => ROLES.includes(role)),
  ),
  node_id: text('', 'Name of this node in the ring, stable over restarts. Empty: kept in `data_dir`.'),
  zone: text('', 'Failure zone of this node; standbys go elsewhere if they can.'),
  http: {
    host: text('127.0.0.1', 'Address to listen on.'),
    port: integer(3100, 'Port to listen on; 0 takes a free one.', 0, 65_535),
    max_body_size: size('100MB', 'Bytes of a push as it comes over the wire (Loki: `distributor.max-recv-msg-size`).'),
    max_decompressed_size: size('500MB', 'Bytes of a push after decompression (Loki: `distributor.max-decompressed-size`, 5000MB there).'),
    shutdown_timeout: duration('30s', 'How long requests may go on while the node stops.'),
  },
  nats: {
    url: text('', 'NATS servers to use, separated by commas: `nats://host:4222`, with a login `nats://user:password@host`, only encrypted `tls://host`. Empty: an embedded nats-server is started.'),
    credentials: text('', 'Credentials file for those servers.'),
    replicas: integer(1, 'Copies that JetStream and KV keep; above 1 needs a cluster. The same on all nodes.', 1, 5),
    bin: text('', 'nats-server program to start. Empty: PATH, then a fetched one.'),
    host: text('127.0.0.1', 'Address of the embedded server.'),
    port: integer(0, 'Port of the embedded server; 0 takes a free one.', 0, 65_535),
    sync_interval: restricted(
      text('2m', 'How often the embedded server calls fsync; `always`: on every write, so that an acknowledged push survives a power cut.'),
      'always, or a duration such as 10s or 2m',
      (value) => SYNC_INTERVAL.test(value),
    ),
    max_payload: size('8MB', 'Largest message of the embedded server.'),
    max_store: size('0', 'Disk that the embedded JetStream may use; 0: three quarters of what is free.'),
  },
  object_store: {
    url: restricted(
      text('', 'Where segments go: `file:<folder>`, or `s3://bucket/prefix?endpoint=…&region=…`. Empty: `file:<data_dir>/objects`.'),
      'file:<folder>, or s3://bucket/prefix?endpoint=…&region=…&path_style=…',
      isStoreUrl,
    ),
    request_timeout: duration('15s', 'Deadline of one try of a request; a large body gets a second more for each megabyte.'),
    retries: integer(4, 'Retries of a request, with back-off and jitter.', 0, 100),
    orphan_grace_period: duration('2h', 'How long an object that no catalog names is kept before it is removed.'),
  },
  tenancy: {
    default_tenant: text('fake', 'Tenant of requests without `X-Scope-OrgID`. Empty: such requests get 401.'),
    multi_tenant_queries: inert(flag(false, 'Allow `a|b` in `X-Scope-OrgID` of queries.')),
  },
  memory: {
    budget: size('256MB', 'Bytes that pushes, heads, encoders, caches and scans of this node hold together. From 60 % on partitions cut early, from 80 % they stop reading the log, from 95 % pushes get 503.'),
    cache: size('48MB', 'Part of the budget for footers, results and (of a remote store) ranges of objects; less while memory is short.'),
    disk_cache: size('0', 'Bytes of a cache under `data_dir` for what is read from a remote store; 0 is off.'),
  },
  wal: {
    max_size: size('0', 'Bytes of log a partition may hold before pushes are refused with 503; 0: no limit of its own.'),
    append_timeout: duration('10s', 'How long a push waits for its acknowledgement.'),
  },
  ingester: {
    segment_target_size: size('64MB', 'Bytes of lines of a partition that make a segment: all its streams are cut together (in place of Loki\'s `chunk_target_size`, which is of one stream).'),
    chunk_encoding: choice(CHUNK_ENCODING_NAMES, 'zstd', 'Compression of blocks, by Loki\'s names; all of `lz4-…` are lz4, `flate` is gzip. `limits_config.chunk_encoding` is the same for single tenants.'),
    chunk_idle_period: duration('30m', 'A partition without a push for this long is cut.'),
    max_chunk_age: duration('2h', 'A chunk open for this long is cut; half of it is how late an entry may come.'),
    flush_check_period: duration('30s', 'How often partitions look whether they are to be cut, give or take a fifth.'),
    concurrent_flushes: integer(2, 'Flushes at once; of those that wait, the most urgent is next.', 1, 256),
    stream_idle_period: duration('10m', 'An idle stream leaves memory after this.'),
  },
  querier: {
    max_concurrent: integer(8, 'Large queries at once on this node; small ones (under 4 MB of lines) may run beside them.', 1, 1024),
    workers: integer(0, 'Threads that scan; 0: one a core. Encoding, answers, and large pushes in JSON or OTLP have a thread of their own each, small scans another while all of these are at work.', 0, 256),
    catch_up_timeout: duration('30s', 'How long a query waits for an owner to have applied what was acknowledged before it.'),
    metadata_by: choice(['received', 'entry_time'], 'received', 'Whether labels, series and index statistics of a time range go by when entries were received, or by their own time.'),
    max_outstanding_per_tenant: integer(256, 'Queries of a tenant that may wait for their turn; more are answered with 429.', 1, 1_000_000),
    strict: flag(false, 'Fail a query when a part is missing, instead of a partial answer with a warning.'),
    match_all_max_bytes: size('0', 'Bytes of lines up to which a query may select all streams (`{}`); 0: such queries are refused, as in Loki.'),
    query_memory: size('64MB', 'Bytes that one query may hold.'),
  },
  cluster: {
    lease_ttl: restricted(duration('3s', 'A partition whose owner is silent for this long is taken over. The same on all nodes.'), 'a duration of at least 1s', (ms) => ms >= LEASE_MS_MIN),
    heartbeat_interval: restricted(duration('1s', 'How often a node says that it lives. The same on all nodes.'), 'a duration of at least 100ms', (ms) => ms >= HEARTBEAT_MS_MIN),
    standbys: integer(0, 'Nodes that follow each partition besides its owner, in other zones if they can, so that reads go on at once when the owner dies. Each holds what is not yet stored.', 0, 8),
  },
  log: {
    level: choice(['debug', 'info', 'warn', 'error'], 'info', 'Least level that is logged.'),
    format: choice(['auto', 'json', 'pretty'], 'auto', '`auto`: pretty on a terminal, JSON lines elsewhere.'),
  },
  otel: {
    endpoint: text('', 'OTLP/HTTP endpoint for traces. Empty: `OTEL_EXPORTER_OTLP_ENDPOINT`, and no tracing without it.'),
    service_name: text('skald', '`service.name` of the traces.'),
    sample_ratio: structure('a number from 0 to 1', 1, 'Share of traces that start here and are kept.', sampleRatio),
  },
  limits_config: LIMITS,
  overrides: structure('a map of tenants to limits', {} as Readonly<Record<string, LimitOverrides>>, 'Limits of single tenants, any key of `limits_config` (Loki: the runtime configuration file).', parseOverrides),
}

export type SkaldConfig = ConfigOf<typeof CONFIG_SCHEMA>

/** Variables that start with our prefix and are not keys: read by the command line and by tests. */
const OTHER_VARIABLES = ['SKALD_CONFIG', 'SKALD_URL', 'SKALD_TENANT']

export interface ConfigInput {
  readonly yaml?: string
  readonly fileName?: string
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Throws SkaldError `setup` listing every mistake, one a line. */
export function loadSkaldConfig(input: ConfigInput = {}): Loaded<typeof CONFIG_SCHEMA> {
  const { config, warnings } = loadConfig(CONFIG_SCHEMA, { ...input, environmentIgnored: OTHER_VARIABLES })
  const ofTenants = Object.entries(config.overrides).flatMap(([tenant, own]) => inertLimitsOf(own).map((key) => `overrides: ${key} of tenant ${tenant} is accepted and has no effect in Skald`))
  const idle = config.roles.filter((role) => ROLES_WITHOUT_WORK.includes(role)).map((role) => `roles: ${role} is accepted and does nothing yet`)
  return { config, warnings: [...warnings, ...ofTenants, ...idle] }
}

function isStoreUrl(url: string): boolean {
  try {
    if (url !== '') parseObjectStoreUrl(url)
    return true
  } catch (error) {
    throw new FormError(error instanceof Error ? error.message : String(error))
  }
}

function sampleRatio(value: unknown): number {
  return typeof value === 'number' && value >= 0 && value <= 1 ? value : refuse()
}
