/** From the configuration to what actors are told: units and defaults that follow from other settings. */
import type { ChunkEncoding } from '../storage/column-codec.ts'
import type { SkaldConfig } from './config.ts'
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
    encodingOf: () => ingester.chunk_encoding as ChunkEncoding,
  }
}
