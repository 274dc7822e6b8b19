/** Sends one batch until the server has taken or refused it: retries with back-off and jitter, honours `Retry-After`. Used by `commands/push.ts`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { backoffMs } from '../../runtime/backoff.ts'
import { ClientError, type Target, reasonOf, retryAfterMs, tenantHeaders } from '../http-client.ts'
import type { Batch } from './batches.ts'

const BACKOFF = { minMs: 200, maxMs: 30_000 }
const REQUEST_TIMEOUT_MS = 60_000
const REFUSAL_CHARS_MAX = 2_000

export interface SendOptions {
  readonly target: Target
  readonly retriesMax: number
  readonly onRetry: (reason: string, waitMs: number) => void
  /** Aborted when another batch has failed for good: waits end at once. */
  readonly signal: AbortSignal
}

/** `refused`: the server took what was good and says what was not (or took nothing): trying again cannot help. */
export type SendResult = { readonly kind: 'stored' } | { readonly kind: 'refused'; readonly status: number; readonly message: string }

/** Rejects with ClientError when the retries are used up. */
export async function sendBatch(batch: Batch, options: SendOptions): Promise<SendResult> {
  for (let attempt = 0; ; attempt++) {
    const outcome = await attemptSend(batch, options)
    if (outcome.kind !== 'retry') return outcome
    if (attempt >= options.retriesMax) throw new ClientError(`batch ${batch.id} was not taken after ${attempt + 1} tries: ${outcome.reason}`)
    const waitMs = outcome.retryAfterMs ?? backoffMs(attempt, BACKOFF, Math.random())
    options.onRetry(outcome.reason, waitMs)
    await sleep(waitMs, undefined, { signal: options.signal })
  }
}

type Attempt = SendResult | { readonly kind: 'retry'; readonly reason: string; readonly retryAfterMs: number | undefined }

async function attemptSend(batch: Batch, { target, signal }: SendOptions): Promise<Attempt> {
  try {
    const response = await fetch(`${target.url}/loki/api/v1/push`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', 'x-skald-push-id': batch.id, ...tenantHeaders(target) },
      body: new Uint8Array(batch.body.buffer as ArrayBuffer, batch.body.byteOffset, batch.body.byteLength),
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    })
    const message = (await response.text()).trim().slice(0, REFUSAL_CHARS_MAX)
    if (response.ok) return { kind: 'stored' }
    if (response.status !== 429 && response.status < 500) return { kind: 'refused', status: response.status, message }
    return { kind: 'retry', reason: `${response.status} ${message}`, retryAfterMs: retryAfterMs(response.headers.get('retry-after'), Date.now()) }
  } catch (error) {
    signal.throwIfAborted()
    return { kind: 'retry', reason: `cannot reach ${target.url} (${reasonOf(error)})`, retryAfterMs: undefined }
  }
}
