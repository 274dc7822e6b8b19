/**
 * The tenant actor on a gateway node (the distributor's work): admits what of a push the tenant's limits allow, routes streams to partitions, and answers
 * when every part is acknowledged (W1, W3). It copies no line unless something has to be left out or split.
 */
import { compressSync } from 'snappy'
import type { ActorRef, Behavior, Reply } from '../../runtime/actor.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { freeBuffer } from '../../runtime/free-buffer.ts'
import { spanUnder, traceParentOf } from '../../runtime/trace-parent.ts'
import type { Limits } from '../../protocols/limits.ts'
import type { TenantId } from '../../protocols/model.ts'
import { PushAdmission } from '../../protocols/push/admission.ts'
import type { PushBatch } from '../../protocols/push/batch.ts'
import { BatchMemory } from '../../protocols/push/batch-memory.ts'
import type { DecodedPush } from '../../protocols/push/content.ts'
import { encodeStreams } from '../../protocols/push/encode-protobuf.ts'
import { type DiscardReason, joinRefusals } from '../../protocols/push/refusals.ts'
import { splitBatch } from '../../protocols/push/split.ts'
import type { PushVerdict } from '../../protocols/push/validate.ts'
import { partitionInShard, partitionOf, tenantShard } from '../../protocols/routing.ts'
import type { Services } from '../services.ts'
import type { WalWriterMessage, WriteItem } from './wal-writer.ts'

/** What the client is told. */
export interface PushAnswer {
  readonly status: number
  readonly message: string
  readonly retryAfterS?: number
}

export type TenantMessage = {
  readonly kind: 'push'
  readonly push: DecodedPush
  /** A client's id of this push, or ''. */
  readonly pushId: string
  /** The trace of the request; '' when it is not traced. */
  readonly traceParent: string
  readonly reply: Reply<PushAnswer>
}

export type WriterOf = (partition: number) => ActorRef<WalWriterMessage>

interface TenantState {
  limits: Limits
  /** The partitions that its streams go to. */
  shard: ReadonlyArray<number>
  admission: PushAdmission
}

/** Raw bytes of a WAL item: below the server's largest message whatever the compression. */
const ITEM_BYTES_MAX = 4 * 1024 * 1024
const STORED: PushAnswer = { status: 204, message: '' }

export function tenantBehavior(services: Services, tenant: TenantId, writerOf: WriterOf): Behavior<TenantMessage, TenantState> {
  return {
    init: () => freshState(services, tenant),
    handle(state, message) {
      if (state.limits !== services.limitsOf(tenant)) Object.assign(state, freshState(services, tenant))
      const span = spanUnder(message.traceParent, 'tenant.push', { 'skald.tenant': tenant })
      void accept(services, tenant, state, { ...message, traceParent: traceParentOf(span) }, writerOf)
        .then(message.reply.succeed, (error: unknown) => {
          span.fail(error)
          message.reply.fail(error)
        })
        .finally(() => span.end())
    },
  }
}

function freshState(services: Services, tenant: TenantId): TenantState {
  const limits = services.limitsOf(tenant)
  const shard = tenantShard(tenant, services.settings.partitions, limits.ingestion_partitions_tenant_shard_size)
  // Hot streams are split over as many partitions as there are for them.
  return { limits, shard, admission: new PushAdmission(tenant, limits, { ...services.settings, partitions: shard.length }) }
}

/** Runs at once up to the writes, so that pushes keep their order. */
async function accept(services: Services, tenant: TenantId, state: TenantState, message: TenantMessage, writerOf: WriterOf): Promise<PushAnswer> {
  const nowMs = services.clock.nowMs()
  countReceived(services, tenant, message.push.batches)
  const verdicts = admitAll(services, tenant, state, message.push.batches, nowMs)
  countDiscarded(services, tenant, verdicts)
  const answer = answerOf(verdicts)
  // What will be sent again is not all of it stored: its id must not stand for the rest.
  const pushId = answer.status === 429 ? '' : message.pushId
  const untouched = verdicts.length === 1 && verdicts[0]!.batch === message.push.batches[0]
  const writes = verdicts.flatMap((verdict, i) =>
    verdict.batch === null ? [] : itemsOf(tenant, state.shard, services.settings.partitions, verdict.batch, verdict, idOf(pushId, i), nowMs, untouched ? message.push.snappyBody : null, message.traceParent),
  )
  await settle(services, writes, writerOf)
  return answer
}

/** Everything is admitted before anything is written: a tenant over its rate has the whole push refused. */
function admitAll(services: Services, tenant: TenantId, { admission }: TenantState, batches: ReadonlyArray<PushBatch>, nowMs: number): PushVerdict[] {
  try {
    return batches.map((batch) => admission.admit(batch, services.gatewayCount(), nowMs, services.clock.monotonicMs()))
  } catch (error) {
    if (error instanceof SkaldError && error.code === 'rate_limited') countAllDiscarded(services, tenant, batches, 'rate_limited')
    throw error
  }
}

/** What can be tried again is told before what cannot. */
function answerOf(verdicts: ReadonlyArray<PushVerdict>): PushAnswer {
  const refusals = verdicts.flatMap(({ refusal }) => (refusal === null ? [] : [refusal]))
  const first = refusals.find(({ status }) => status === 429) ?? refusals[0]
  if (first === undefined) return STORED
  return { status: first.status, message: joinRefusals(refusals.filter(({ status }) => status === first.status).map(({ message }) => message)) }
}

/** Part 0 keeps the client's id, so that the commonest push is known by what the client sent. */
const idOf = (pushId: string, part: number): string => (pushId === '' || part === 0 ? pushId : `${pushId}#${part}`)

interface PartitionedWrite {
  readonly partition: number
  readonly write: WriteItem
}

async function settle(services: Services, writes: ReadonlyArray<PartitionedWrite>, writerOf: WriterOf): Promise<void> {
  const { system, settings } = services
  await Promise.all(
    writes.map(({ partition, write }) =>
      system.ask<WalWriterMessage, void>(writerOf(partition), (reply) => ({ kind: 'write', write, reply }), settings.appendDeadlineMs + 1_000, {
        bytes: write.item.compressedBody.length,
      }),
    ),
  )
}

/** A push as WAL items: one a partition that it touches, more when it is large. `asItCame`: the body may be logged as the client sent it. */
function itemsOf(
  tenant: TenantId,
  shard: ReadonlyArray<number>,
  partitions: number,
  batch: PushBatch,
  verdict: PushVerdict,
  pushId: string,
  receivedMs: number,
  asItCame: Buffer | null,
  traceParent: string,
): PartitionedWrite[] {
  const writes: PartitionedWrite[] = []
  const parts = splitBatch(batch, ITEM_BYTES_MAX)
  parts.forEach((part, i) => {
    const labels = part.streams.map((k) => verdict.streams[k]!.labelsText)
    const memory = new BatchMemory(part.batch)
    for (const [partition, chosen] of byPartition(tenant, shard, partitions, part.batch, labels)) {
      const whole = chosen.length === part.batch.streams.length
      const body = whole ? part.batch.body : encodeStreams(part.batch, chosen)
      const item = {
        tenant,
        pushId: idOf(pushId, i),
        receivedMs,
        labels: whole ? labels : chosen.map((k) => labels[k]!),
        // Memory of V8's own: outside memory would stay until a finalizer has run.
        compressedBody: whole && parts.length === 1 && asItCame !== null ? asItCame : compressSync(body, { copyOutputData: true }),
        bodyBytes: body.length,
      }
      if (!whole) freeBuffer(body)
      const kept = new Set(chosen)
      const mask = whole ? labels : labels.map((text, k) => (kept.has(k) ? text : ''))
      memory.use()
      writes.push({ partition, write: { item, decoded: { tenant, pushId: item.pushId, receivedMs, labels: mask, batch: part.batch, memory }, traceParent } })
    }
  })
  return writes
}

/** Streams by the partition that they hash to; streams without rows stay with their neighbours' partition so that a body can be logged whole. */
function byPartition(tenant: TenantId, shard: ReadonlyArray<number>, partitions: number, batch: PushBatch, labels: ReadonlyArray<string>): Map<number, number[]> {
  const [only] = shard
  if (only !== undefined && shard.length === 1) return batch.rowCount === 0 ? new Map() : new Map([[only, labels.map((_, k) => k)]])
  const chosen = new Map<number, number[]>()
  labels.forEach((text, k) => {
    const stream = batch.streams[k]!
    if (stream.rowFrom === stream.rowTo) return
    const partition = shard.length === partitions ? partitionOf(tenant, text, partitions) : partitionInShard(tenant, text, shard)
    const streams = chosen.get(partition)
    if (streams === undefined) chosen.set(partition, [k])
    else streams.push(k)
  })
  return chosen
}

function countReceived(services: Services, tenant: TenantId, batches: ReadonlyArray<PushBatch>): void {
  for (const batch of batches) {
    services.metrics.linesReceived.inc({ tenant }, batch.rowCount)
    services.metrics.bytesReceived.inc({ tenant }, bytesOf(batch))
  }
}

function countDiscarded(services: Services, tenant: TenantId, verdicts: ReadonlyArray<PushVerdict>): void {
  for (const { discarded } of verdicts) {
    for (const [reason, { entryCount, bytes }] of discarded) {
      services.metrics.discardedSamples.inc({ reason, tenant }, entryCount)
      services.metrics.discardedBytes.inc({ reason, tenant }, bytes)
    }
  }
}

function countAllDiscarded(services: Services, tenant: TenantId, batches: ReadonlyArray<PushBatch>, reason: DiscardReason): void {
  services.metrics.discardedSamples.inc({ reason, tenant }, batches.reduce((sum, batch) => sum + batch.rowCount, 0))
  services.metrics.discardedBytes.inc({ reason, tenant }, batches.reduce((sum, batch) => sum + bytesOf(batch), 0))
}

const bytesOf = (batch: PushBatch): number => batch.streams.reduce((sum, s) => sum + s.lineBytes + s.metadataBytes, 0)

/** Turns a failure into what the client is told. */
export function answerOfError(error: unknown): PushAnswer {
  if (!(error instanceof SkaldError)) return { status: 500, message: error instanceof Error ? error.message : String(error) }
  return { status: error.status, message: error.message, ...(error.retryAfterS === undefined ? {} : { retryAfterS: error.retryAfterS }) }
}
