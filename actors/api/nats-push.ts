/**
 * Push over NATS: requests to `skald.push.<tenant>` with the bodies and headers of the HTTP endpoint. The answer's header `Status` is the HTTP status,
 * its body the message. Nodes share the requests in a queue group. A subject that is no tenant id is answered, not dropped.
 */
import type { Message, Subscription, Transport } from '../../runtime/transport.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { withSpan } from '../../runtime/telemetry.ts'
import { traceParentOf } from '../../runtime/trace-parent.ts'
import { tenantOf } from '../../protocols/tenant-id.ts'
import type { PushGateway } from '../write/push-gateway.ts'
import { answerOfError, type PushAnswer } from '../write/tenant.ts'

const PUSH_SUBJECT_PREFIX = 'skald.push.'
const QUEUE = 'skald-push'

export function serveNatsPush(transport: Transport, gateway: PushGateway): Subscription {
  return transport.subscribe(`${PUSH_SUBJECT_PREFIX}>`, (message) => void answer(gateway, message), { queue: QUEUE })
}

async function answer(gateway: PushGateway, message: Message): Promise<void> {
  const result = await withSpan('NATS skald.push', {}, message.headers, (span) => push(gateway, message, traceParentOf(span)))
  const headers: Record<string, string> = { Status: String(result.status) }
  if (result.retryAfterS !== undefined) headers['Retry-After'] = String(result.retryAfterS)
  message.respond(Buffer.from(result.message), headers)
}

async function push(gateway: PushGateway, message: Message, traceParent: string): Promise<PushAnswer> {
  try {
    const tenant = tenantOf(message.subject.slice(PUSH_SUBJECT_PREFIX.length), '')
    const header = (name: string): string | undefined => message.headers[name] ?? message.headers[name.toLowerCase()]
    if (message.data.length > gateway.sizes.bodyBytesMax) {
      throw new SkaldError('body_too_large', `request body too large: message size too large than max (${message.data.length} vs ${gateway.sizes.bodyBytesMax})`)
    }
    const content = { contentType: header('Content-Type'), contentEncoding: header('Content-Encoding'), body: message.data }
    return await gateway.push({ tenant, kind: 'loki', content, traceParent, pushId: header('Nats-Msg-Id') ?? header('X-Skald-Push-Id') ?? '' })
  } catch (error) {
    return answerOfError(error)
  }
}
