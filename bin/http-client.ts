/** Talks to a node over HTTP for the subcommands: address and tenant from options or environment, errors as sentences. */
import type { CommandIo } from './command.ts'

const DEFAULT_URL = 'http://127.0.0.1:3100'
/** A mistaken server cannot hold us for a day. */
const RETRY_AFTER_MS_MAX = 300_000

export interface Target {
  readonly url: string
  /** Sent as `X-Scope-OrgID` when not empty. */
  readonly tenant: string
}

/** A request failed: unreachable, or an answer that is no success. */
export class ClientError extends Error {
  readonly status: number | undefined
  /** When the server wants to be asked again. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, status?: number, retryAfterMs?: number) {
    super(message)
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

/** Options that every command with a server has, for `parseArgs`. */
export const TARGET_OPTIONS = { url: { type: 'string' }, tenant: { type: 'string' } } as const

export function targetFrom(values: { readonly url?: string | undefined; readonly tenant?: string | undefined }, environment: CommandIo['environment']): Target {
  const port = environment['SKALD_HTTP_PORT']
  const url = values.url ?? environment['SKALD_URL'] ?? (port === undefined ? DEFAULT_URL : `http://127.0.0.1:${port}`)
  return { url: url.replace(/\/+$/, ''), tenant: values.tenant ?? environment['SKALD_TENANT'] ?? '' }
}

export function tenantHeaders(target: Target): Record<string, string> {
  return target.tenant === '' ? {} : { 'X-Scope-OrgID': target.tenant }
}

/** Rejects with ClientError: what could not be reached, or the server's own words. */
export async function getJson(target: Target, path: string, signal?: AbortSignal): Promise<unknown> {
  const response = await request(target, path, signal)
  const text = await response.text()
  if (!response.ok) throw new ClientError(text.trim() || `${target.url} answered ${response.status}`, response.status, retryAfterMs(response.headers.get('retry-after'), Date.now()))
  try {
    return JSON.parse(text)
  } catch {
    throw new ClientError(`${target.url}${path.split('?')[0]} did not answer with JSON`, response.status)
  }
}

async function request(target: Target, path: string, signal?: AbortSignal): Promise<Response> {
  try {
    return await fetch(target.url + path, { headers: tenantHeaders(target), ...(signal === undefined ? {} : { signal }) })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ClientError(`cannot reach ${target.url} (${reasonOf(error)}); is a node running there? --url or SKALD_URL points elsewhere`)
  }
}

/** Of a `Retry-After`: seconds, or an HTTP date. */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined
  const waitMs = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), RETRY_AFTER_MS_MAX)
}

export function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  if (cause instanceof Error && 'code' in cause) return String(cause.code)
  return cause instanceof Error ? cause.message : String(cause)
}
