/**
 * The body of a query request over NATS: JSON `{"path": "/loki/api/v1/query", "params": {"query": "…"}}`, or URL-encoded parameters of `query_range`. Pure; read by
 * `actors/api/nats-query.ts`. Sizes are the transport's to bound.
 */
import { SkaldError } from '../runtime/errors.ts'

export interface NatsQuery {
  readonly path: string
  readonly parameters: URLSearchParams
}

const DEFAULT_PATH = '/loki/api/v1/query_range'

/** A path without a leading `/` is taken below `/loki/api/v1/`. Throws `bad_request`. */
export function decodeNatsQuery(body: Buffer): NatsQuery {
  const text = body.toString('utf8').trim()
  if (!text.startsWith('{')) return { path: DEFAULT_PATH, parameters: new URLSearchParams(text) }
  const { path, params } = objectOf(text)
  if (path !== undefined && typeof path !== 'string') throw new SkaldError('bad_request', 'path must be a string')
  return { path: fullPath(path ?? DEFAULT_PATH), parameters: parametersOf(params) }
}

function objectOf(text: string): { readonly path?: unknown; readonly params?: unknown } {
  try {
    return JSON.parse(text) as object
  } catch (error) {
    throw new SkaldError('bad_request', `the request is neither JSON nor URL-encoded parameters: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const fullPath = (path: string): string => (path.startsWith('/') ? path : `/loki/api/v1/${path}`)

/** Values are texts, numbers, or lists of them for repeated parameters. */
function parametersOf(params: unknown): URLSearchParams {
  const parameters = new URLSearchParams()
  if (params === undefined || params === null) return parameters
  if (typeof params !== 'object' || Array.isArray(params)) throw new SkaldError('bad_request', 'params must be an object of texts')
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? (value as ReadonlyArray<unknown>) : [value as unknown]) {
      if (typeof one !== 'string' && typeof one !== 'number') throw new SkaldError('bad_request', `parameter ${name} must be a text or a number, or a list of them`)
      parameters.append(name, String(one))
    }
  }
  return parameters
}
