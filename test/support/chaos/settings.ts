/** What all chaos tests set on their nodes: small segments and short ages, so that kills fall into flushes as often as between them, and no limits in the loader's way. */
export const CHAOS_TENANT = 'crash'

export const CHAOS_SETTINGS = {
  SKALD_INGESTER_MAX_CHUNK_AGE: '2s',
  SKALD_INGESTER_FLUSH_CHECK_PERIOD: '200ms',
  SKALD_LOG_LEVEL: 'warn',
  SKALD_LIMITS_CONFIG_INGESTION_RATE_MB: '1000',
  SKALD_LIMITS_CONFIG_INGESTION_BURST_SIZE_MB: '1000',
  SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT: '1GB',
  SKALD_LIMITS_CONFIG_PER_STREAM_RATE_LIMIT_BURST: '1GB',
  SKALD_LIMITS_CONFIG_SHARD_STREAMS_ENABLED: 'false',
} as const

/** Lines are an hour old, so that queries at the present see all of them. */
export const firstLineNs = (): bigint => BigInt(Date.now() - 3_600_000) * 1_000_000n
