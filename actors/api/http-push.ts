/** Push routes over HTTP: Loki's paths, headers, status codes and bodies. Decides nothing: `push-gateway.ts` does. */
import type { HttpRequest, HttpResponse, HttpRoute } from '../../runtime/http-server.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { freeBuffer } from '../../runtime/free-buffer.ts'
import { traceParentOf } from '../../runtime/trace-parent.ts'
import { encodeRpcStatus } from '../../protocols/push/otlp-status.ts'
import { tenantOf } from '../../protocols/tenant-id.ts'
import { answerOfError, type PushAnswer } from '../write/tenant.ts'
import { headerOf } from './http-parameters.ts'
import type { PushGateway } from '../write/push-gateway.ts'

const TEXT = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }

export function pushRoutes(gateway: PushGateway, defaultTenant: string): HttpRoute[] {
  const loki = (legacy: boolean) => (request: HttpRequest) => push(gateway, request, defaultTenant, legacy).then(textAnswer)
  return [
    { method: 'POST', path: '/loki/api/v1/push', handle: loki(false) },
    { method: 'POST', path: '/api/prom/push', handle: loki(true) },
    { method: 'POST', path: '/otlp/v1/logs', handle: (request) => pushOtlp(gateway, request, defaultTenant).then(otlpAnswer) },
  ]
}

async function push(gateway: PushGateway, request: HttpRequest, defaultTenant: string, legacy: boolean): Promise<PushAnswer> {
  return guarded(async () => {
    const tenant = tenantOf(headerOf(request, 'x-scope-orgid'), defaultTenant)
    const contentType = headerOf(request, 'content-type')
    return withBody(gateway, request, (body) => {
      const content = { contentType, contentEncoding: headerOf(request, 'content-encoding'), body, legacy }
      return gateway.push({ tenant, kind: 'loki', pushId: pushIdOf(request), traceParent: traceParentOf(request.span), content })
    })
  })
}

async function pushOtlp(gateway: PushGateway, request: HttpRequest, defaultTenant: string): Promise<PushAnswer> {
  return guarded(async () => {
    const tenant = tenantOf(headerOf(request, 'x-scope-orgid'), defaultTenant)
    return withBody(gateway, request, (body) => {
      const content = { contentType: headerOf(request, 'content-type'), contentEncoding: headerOf(request, 'content-encoding'), body }
      return gateway.push({ tenant, kind: 'otlp', pushId: pushIdOf(request), traceParent: traceParentOf(request.span), content })
    })
  })
}

/** Bodies count for the memory budget from before their first byte (W4). One that does not say how long it is counts when it has been decoded. */
async function withBody(gateway: PushGateway, request: HttpRequest, use: (body: Buffer) => Promise<PushAnswer>): Promise<PushAnswer> {
  const held = gateway.receive(Number(headerOf(request, 'content-length') ?? 0) || 0)
  try {
    const body = await request.body(gateway.sizes.bodyBytesMax, tooLarge)
    const answer = await use(body)
    // Stored: nobody needs it any more. After a failure a record may still be made of it.
    if (answer.status === 204) freeBuffer(body)
    return answer
  } finally {
    held.close()
  }
}

async function guarded(run: () => Promise<PushAnswer>): Promise<PushAnswer> {
  try {
    return await run()
  } catch (error) {
    return answerOfError(error)
  }
}

const tooLarge = (bytes: number, limitBytes: number): SkaldError =>
  new SkaldError('body_too_large', `request body too large: message size too large than max (${bytes} vs ${limitBytes})`)

const pushIdOf = (request: HttpRequest): string => headerOf(request, 'x-skald-push-id') ?? ''

/** Go's `http.Error`: the message and a newline. */
function textAnswer(answer: PushAnswer): HttpResponse {
  if (answer.status === 204) return { status: 204 }
  return { status: answer.status, headers: { ...TEXT, ...retryHeader(answer) }, body: `${answer.message}\n` }
}

/** OTLP wants a protobuf `google.rpc.Status`, and 503 instead of 500. */
function otlpAnswer(answer: PushAnswer): HttpResponse {
  if (answer.status === 204) return { status: 204 }
  const status = answer.status === 500 ? 503 : answer.status
  return { status, headers: { 'content-type': 'application/octet-stream', ...retryHeader(answer) }, body: encodeRpcStatus(answer.message) }
}

const retryHeader = (answer: PushAnswer): Record<string, string> => (answer.retryAfterS === undefined ? {} : { 'retry-after': String(answer.retryAfterS) })
