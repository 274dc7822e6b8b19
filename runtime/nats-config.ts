/**
 * The configuration file of the embedded nats-server, as text. Used by `nats-server.ts`; pure.
 * Settings are documented at https://docs.nats.io/running-a-nats-service/configuration.
 */

export interface NatsConfig {
  readonly host: string
  /** 0: the server picks a free one. */
  readonly port: number
  /** Holds everything the server writes: store, log, pid and ports files. */
  readonly directory: string
  readonly maxPayloadBytes: number
  /** How often JetStream calls fsync: a duration such as `2m`, or `always` for every write (rule W2). */
  readonly syncInterval: string
  /** JetStream's file store limit; 0: three quarters of the free disk, the server's own default. */
  readonly storeBytesMax: number
}

const LOG_BYTES_MAX = 16 << 20
const LOG_FILES_MAX = 3
const MEMORY_STORE_BYTES_MAX = 256 << 20

export function renderNatsConfig(config: NatsConfig): string {
  const q = (text: string): string => JSON.stringify(text)
  return [
    '# Written at every start.',
    'server_name: "skald-embedded"',
    `host: ${q(config.host)}`,
    `port: ${config.port === 0 ? -1 : config.port}`,
    `pid_file: ${q(`${config.directory}/nats-server.pid`)}`,
    `ports_file_dir: ${q(config.directory)}`,
    `log_file: ${q(`${config.directory}/nats-server.log`)}`,
    `log_size_limit: ${LOG_BYTES_MAX}`,
    `log_max_num: ${LOG_FILES_MAX}`,
    `max_payload: ${config.maxPayloadBytes}`,
    'jetstream {',
    `  store_dir: ${q(config.directory)}`,
    `  max_memory_store: ${MEMORY_STORE_BYTES_MAX}`,
    ...(config.storeBytesMax > 0 ? [`  max_file_store: ${config.storeBytesMax}`] : []),
    `  sync_interval: ${config.syncInterval}`,
    '}',
    '',
  ].join('\n')
}
