/** From the configuration to what actors are told: units and defaults that follow from other settings. */
import path from 'node:path'
import type { NatsServer, NatsServerEvent, NatsServerOptions } from '../runtime/nats-server.ts'
import type { NatsTransportOptions } from '../runtime/transport-nats.ts'
import type { SkaldConfig } from './config.ts'
import type { StoreSettings } from './segments/object-stores.ts'
import type { NodeSettings } from './services.ts'

export function nodeSettings(config: SkaldConfig): NodeSettings {
  const { ingester, querier, wal } = config
  return {
    partitions: config.partitions,
    cut: { segmentBytesTarget: ingester.segment_target_size, ageMsMax: ingester.max_chunk_age, idleMsMax: ingester.chunk_idle_period },
    checkPeriodMs: ingester.flush_check_period,
    streamIdleMs: ingester.stream_idle_period,
    appendDeadlineMs: wal.append_timeout,
    catchUpMsMax: querier.catch_up_timeout,
    queryMemoryBytesMax: querier.query_memory,
    strict: querier.strict,
    matchAllBytesMax: querier.match_all_max_bytes,
    encoding: ingester.chunk_encoding,
  }
}

/** Without the disk cache, which only readers use: each scan thread has its part of `diskCacheOf`. */
export function storeSettings({ object_store, data_dir }: SkaldConfig): StoreSettings {
  const url = object_store.url === '' ? `file:${path.resolve(data_dir, 'objects')}` : object_store.url
  return { url, requestMs: object_store.request_timeout, triesMax: object_store.retries + 1 }
}

export function diskCacheOf({ memory, data_dir }: SkaldConfig): Pick<StoreSettings, 'diskCache'> {
  return memory.disk_cache === 0 ? {} : { diskCache: { directory: path.resolve(data_dir, 'cache'), bytesMax: memory.disk_cache } }
}

export function natsServerOptions(config: SkaldConfig, onEvent?: (event: NatsServerEvent) => void): NatsServerOptions {
  const { bin, host, port, max_payload, sync_interval, max_store } = config.nats
  return {
    directory: path.resolve(config.data_dir, 'nats'),
    host,
    port,
    maxPayloadBytes: max_payload,
    syncInterval: sync_interval,
    ...(bin === '' ? {} : { bin }),
    ...(max_store > 0 ? { storeBytesMax: max_store } : {}),
    ...(onEvent === undefined ? {} : { onEvent }),
  }
}

/** How to reach the embedded server, or (null) those of `nats.url`. */
export function natsAddress({ nats }: SkaldConfig, embedded: NatsServer | null): Pick<NatsTransportOptions, 'servers' | 'credentials'> {
  return embedded === null ? { servers: nats.url.split(','), credentials: nats.credentials } : { servers: embedded.url }
}
