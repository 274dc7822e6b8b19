/**
 * What the connected NATS servers can do. Servers before 2.11 accept newer stream options and silently drop them, so a version is a hint and the
 * echoed configuration is the proof: a throw-away memory stream is created with the options and looked at. Asked once at start.
 */
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'

export interface NatsFeatures {
  readonly version: string
  /** Time to live per message and per KV key (2.11). Without: bucket age and re-put. */
  readonly messageTtl: boolean
  /** Several messages stored as one (2.12). */
  readonly atomicBatch: boolean
  readonly maxPayloadBytes: number
}

export async function detectNatsFeatures(connection: NatsConnection): Promise<NatsFeatures> {
  const manager = await jetstreamManager(connection, { checkAPI: false })
  const echoed = await probe(manager)
  return {
    version: connection.info?.version ?? '0.0.0',
    messageTtl: echoed.allow_msg_ttl === true,
    atomicBatch: echoed.allow_atomic === true,
    maxPayloadBytes: connection.info?.max_payload ?? 0,
  }
}

async function probe(manager: JetStreamManager): Promise<{ allow_msg_ttl?: boolean; allow_atomic?: boolean }> {
  // The pid and a random part: nodes that start together must not share a probe.
  const name = `skald_probe_${process.pid}_${Math.random().toString(36).slice(2)}`
  try {
    const info = await manager.streams.add({ name, subjects: [`${name}.x`], storage: 'memory', max_bytes: 1024, allow_msg_ttl: true, allow_atomic: true })
    return info.config
  } finally {
    await manager.streams.delete(name).catch(() => {})
  }
}
