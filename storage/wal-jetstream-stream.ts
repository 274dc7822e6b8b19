/**
 * The JetStream stream of one partition: its name, its settings, and making it exist. Used by the JetStream WAL only.
 *
 * A stream that was lost (a wiped server, a deleted stream) is made anew with its sequences *after* everything that was ever stored or
 * handed out, because checkpoints and segment names are made of sequences: starting again at 1 would look like records stored long ago.
 */
import { DiscardPolicy, JetStreamApiError, type JetStreamManager, RetentionPolicy, StorageType, type StreamConfig, type StreamInfo } from '@nats-io/jetstream'
import type { Sequence } from '../protocols/model.ts'

/** Sequences skipped when a lost stream is made again: other nodes may have seen higher ones than this node knows. */
const RECREATE_GAP = 1_000_000
const NS_PER_MS = 1_000_000
/** JetStream's code for "exists with other settings". */
const NAME_IN_USE = 10058

export interface StreamSettings {
  readonly replicas: number
  /** The partition's own limit; beyond it appends are refused (`wal_full`). */
  readonly bytesMax: number
  readonly duplicateWindowMs: number
}

export const streamName = (partition: number): string => `SKALD_WAL_${partition}`
export const walSubject = (partition: number): string => `skald.v1.wal.${partition}`

export interface KnownSequences {
  /** Everything up to here is in segments. */
  readonly stored: Sequence
  /** The highest that this node has reason to believe in; 0: none. */
  readonly seen: Sequence
}

/** Creates the stream or brings its settings up to date. `infoOf` asks about it. */
export async function ensureStream(jsm: JetStreamManager, infoOf: () => Promise<StreamInfo>, partition: number, settings: StreamSettings, { stored, seen }: KnownSequences): Promise<void> {
  const config = configOf(partition, settings)
  try {
    const { state, config: present } = await infoOf()
    // Every new owner comes by here, and a change is a decision of the whole cluster of servers.
    if (!hasSettings(present, config)) await jsm.streams.update(config.name, config)
    // An older copy of the stream came back (a restored backup): move its next sequence past what is stored. What it has beyond that, nobody else may have.
    if (state.last_seq < stored) await jsm.streams.purge(config.name, { seq: stored + RECREATE_GAP })
  } catch (error) {
    if (!isStreamMissing(error)) throw error
    await createStream(jsm, { ...config, first_seq: seen === 0 ? 1 : seen + RECREATE_GAP })
  }
}

function hasSettings(present: StreamConfig, wanted: StreamConfig): boolean {
  return (Object.keys(wanted) as Array<keyof StreamConfig>).every((key) => JSON.stringify(present[key]) === JSON.stringify(wanted[key]))
}

/** Two nodes may create it at once with different beginnings: the first one's stands. */
async function createStream(jsm: JetStreamManager, config: StreamConfig): Promise<void> {
  try {
    await jsm.streams.add(config)
  } catch (error) {
    if (!(error instanceof JetStreamApiError && error.code === NAME_IN_USE)) throw error
  }
}

export function isStreamMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === 10059
}

function configOf(partition: number, settings: StreamSettings): StreamConfig {
  return {
    name: streamName(partition),
    subjects: [walSubject(partition)],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_bytes: settings.bytesMax,
    num_replicas: settings.replicas,
    duplicate_window: settings.duplicateWindowMs * NS_PER_MS,
    allow_direct: true,
  } as StreamConfig
}
