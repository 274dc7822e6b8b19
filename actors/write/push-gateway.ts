/**
 * The way in for pushes, whatever they came over: decodes within the size limits, finds the tenant's actor, asks it. `http-push.ts` and `nats-push.ts`
 * only translate. Over the memory budget pushes are refused here, before any work (W4).
 */
import type { ActorContext, ActorRef, Behavior } from '../../runtime/actor.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { freeBuffer } from '../../runtime/free-buffer.ts'
import { spanUnder } from '../../runtime/trace-parent.ts'
import type { TenantId } from '../../protocols/model.ts'
import type { MemoryAccount, MemoryBudget } from '../../storage/memory-budget.ts'
import { decodePush, type DecodedPush, type PushContent, type PushSizes } from '../../protocols/push/content.ts'
import { decodePushBatches } from '../../protocols/push/decode-protobuf.ts'
import { isJsonPush } from '../../protocols/push/transcode.ts'
import type { Services } from '../services.ts'
import { inlineTranscoder, type Transcoder } from './transcoder.ts'
import { answerOfError, tenantBehavior, type PushAnswer, type TenantMessage, type WriterOf } from './tenant.ts'

export interface PushRequest {
  readonly tenant: TenantId
  readonly kind: 'loki' | 'otlp'
  readonly content: PushContent
  /** A client's id of this push, or ''. */
  readonly pushId: string
  /** The trace of the request; '' when it is not traced. */
  readonly traceParent: string
}

export interface PushGateway {
  /** Never rejects: every failure is an answer. */
  push(request: PushRequest): Promise<PushAnswer>
  /** Before a body of so many bytes is read: takes them from the memory budget until the account is closed. Throws `over_memory`. */
  receive(bodyBytes: number): MemoryAccount
  readonly sizes: PushSizes
}

/** Ids are remembered for long: they must be small. */
const PUSH_ID_CHARS_MAX = 256
const PUSH_TIMEOUT_EXTRA_MS = 2_000
const RETRY_AFTER_S = 1

export function makePushGateway(services: Services, sizes: PushSizes, tenants: ActorRef<TenantsMessage>, transcoder: Transcoder = inlineTranscoder): PushGateway {
  const { system, settings, budget } = services
  return {
    sizes,
    receive: (bodyBytes) => takeMemory(budget, Math.min(bodyBytes, sizes.bodyBytesMax)),
    async push(request) {
      let held: MemoryAccount | undefined
      try {
        if (request.pushId.length > PUSH_ID_CHARS_MAX) {
          throw new SkaldError('bad_request', `push id of ${request.pushId.length} characters is longer than ${PUSH_ID_CHARS_MAX}`)
        }
        const push = await decodeTraced(services, request, sizes, transcoder)
        const bytes = push.batches.reduce((sum, batch) => sum + batch.body.length, 0)
        held = takeMemory(budget, bytes)
        const answer = await system.ask<TenantsMessage, PushAnswer>(
          tenants,
          (reply) => ({ tenant: request.tenant, message: { kind: 'push', push, pushId: request.pushId, traceParent: request.traceParent, reply } }),
          settings.appendDeadlineMs + PUSH_TIMEOUT_EXTRA_MS,
          { bytes },
        )
        return withRetryAfter(answer)
      } catch (error) {
        return withRetryAfter(answerOfError(error))
      } finally {
        held?.close()
      }
    },
  }
}

async function decodeTraced(services: Services, request: PushRequest, sizes: PushSizes, transcoder: Transcoder): Promise<DecodedPush> {
  const span = spanUnder(request.traceParent, 'push.decode', { 'skald.body_bytes': request.content.body.length })
  try {
    return await decode(services, request, sizes, transcoder)
  } catch (error) {
    span.fail(error)
    freeBuffer(request.content.body)
    throw error
  } finally {
    span.end()
  }
}

/** What a push holds between its arrival and its answer; over the budget it is refused (W4). */
function takeMemory(budget: MemoryBudget, bytes: number): MemoryAccount {
  const held = budget.level() === 'refuse' ? null : budget.tryHold('mailboxes', bytes)
  if (held !== null) return held
  throw new SkaldError('over_memory', `the node's memory budget of ${budget.bytesMax} bytes (memory.budget) is used up`, { retryAfterS: RETRY_AFTER_S })
}

async function decode(services: Services, { kind, content, tenant }: PushRequest, sizes: PushSizes, transcoder: Transcoder): Promise<DecodedPush> {
  if (kind === 'loki' && !isJsonPush(content)) return decodePush(content, sizes)
  const message = await transcoder.run(kind === 'loki' ? { kind, content, sizes } : { kind, content, settings: { limits: services.limitsOf(tenant), nowMs: services.clock.nowMs(), sizes } })
  return { batches: decodePushBatches(message), snappyBody: null }
}

/** Whatever can be tried again says when. */
function withRetryAfter(answer: PushAnswer): PushAnswer {
  const again = answer.status === 429 || answer.status >= 500
  return again && answer.retryAfterS === undefined ? { ...answer, retryAfterS: RETRY_AFTER_S } : answer
}

export interface TenantsMessage {
  readonly tenant: TenantId
  readonly message: TenantMessage
}

/** An idle tenant has nothing but caches: it may leave memory. */
const TENANT_IDLE_MS = 600_000

/** Parent of the tenants' actors on this node; starts one when its first push comes. */
export function tenantsBehavior(services: Services, writerOf: WriterOf): Behavior<TenantsMessage, null> {
  return {
    init: () => null,
    handle(_state, { tenant, message }, context) {
      const delivery = tenantOf(services, tenant, writerOf, context).tell(message)
      if (delivery !== 'delivered') {
        message.reply.fail(new SkaldError('too_many_requests', `too many pushes of tenant ${tenant} are waiting`, { retryAfterS: RETRY_AFTER_S }))
      }
    },
  }
}

function tenantOf(services: Services, tenant: TenantId, writerOf: WriterOf, context: ActorContext<TenantsMessage>): ActorRef<TenantMessage> {
  return (
    context.children.get<TenantMessage>(tenant) ??
    context.children.start({ id: tenant, behavior: tenantBehavior(services, tenant, writerOf), restart: 'permanent', idleMs: TENANT_IDLE_MS })
  )
}
