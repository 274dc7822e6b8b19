/** What becomes of a push: whole into one partition, or split over several, the writer's items and the owner's rows say the same lines. */
import * as Effect from 'effect/Effect'
import { uncompressSync } from 'snappy'
import { expect, it } from 'vitest'
import { loadSkaldConfig } from '../../../actors/config.ts'
import { makeNodeMetrics } from '../../../actors/node-metrics.ts'
import { nodeSettings } from '../../../actors/node-settings.ts'
import type { Services } from '../../../actors/services.ts'
import { tenantBehavior, type PushAnswer, type TenantMessage } from '../../../actors/write/tenant.ts'
import type { WalWriterMessage, WriteItem } from '../../../actors/write/wal-writer.ts'
import type { ActorRef } from '../../../runtime/actor.ts'
import { LocalActorSystem } from '../../../runtime/actor-system.ts'
import { SystemClock } from '../../../runtime/clock-system.ts'
import { createMetrics } from '../../../runtime/metrics.ts'
import { SystemRandom } from '../../../runtime/random-system.ts'
import { LIMIT_DEFAULTS } from '../../../protocols/limits.ts'
import type { TenantId } from '../../../protocols/model.ts'
import type { PushBatch } from '../../../protocols/push/batch.ts'
import { decodePushRequest } from '../../../protocols/push/decode-protobuf.ts'
import { pushBody } from '../../support/push-bodies.ts'

const TENANT = 't' as TenantId
/** More than what is given back when it is done with. */
const LINE = 'x'.repeat(40_000)

async function written(partitions: number, streams: number): Promise<WriteItem[]> {
  const [clock, random] = [new SystemClock(), new SystemRandom()]
  const system = new LocalActorSystem({ node: 'n', clock, random })
  const settings = { ...nodeSettings(loadSkaldConfig().config), partitions }
  const services = { system, clock, random, settings, metrics: makeNodeMetrics(createMetrics()), limitsOf: () => LIMIT_DEFAULTS, gatewayCount: () => 1 } as unknown as Services
  const items: WriteItem[] = []
  const writer: ActorRef<WalWriterMessage> = system.root.start({
    id: 'writer',
    restart: 'temporary',
    behavior: {
      init: () => null,
      handle(_state, message: WalWriterMessage) {
        if (message.kind !== 'write') return
        items.push(message.write)
        message.reply.succeed()
      },
    },
  })
  const tenant = system.root.start({ id: 'tenant', restart: 'temporary', behavior: tenantBehavior(services, TENANT, () => writer) })
  const now = BigInt(clock.nowMs()) * 1_000_000n
  const body = pushBody(Array.from({ length: streams }, (_, i) => ({ labels: `{app="a${i}"}`, entries: [{ ns: now, line: Buffer.from(`${i} ${LINE}`) }] })))
  const push = { batches: [decodePushRequest(body)], snappyBody: null }
  expect(await system.ask<TenantMessage, PushAnswer>(tenant, (reply) => ({ kind: 'push', push, pushId: '', traceParent: '', reply }), 5_000)).toEqual({ status: 204, message: '' })
  await Effect.runPromise(system.shutdown())
  return items
}

const linesOf = ({ body, streams, starts, lengths }: PushBatch, isChosen: (stream: number) => boolean): string[] =>
  streams.flatMap(({ rowFrom, rowTo }, k) => (isChosen(k) ? Array.from({ length: rowTo - rowFrom }, (_, i) => body.toString('latin1', starts[rowFrom + i], starts[rowFrom + i]! + lengths[rowFrom + i]!)) : []))

it.each([
  ['one partition', 1, 1],
  ['several', 4, 12],
])('a push over %s', async (_where, partitions, streams) => {
  const items = await written(partitions, streams)
  expect(items.length > 1).toBe(partitions > 1)
  const logged = items.map(({ item }) => linesOf(decodePushRequest(uncompressSync(item.compressedBody) as Buffer), () => true))
  expect(items.map(({ decoded }) => linesOf(decoded.batch, (k) => decoded.labels[k] !== ''))).toEqual(logged)
  expect(logged.flat().sort()).toEqual(Array.from({ length: streams }, (_, i) => `${i} ${LINE}`).sort())
})
