/** Reads what a query endpoint is asked: the URL's parameters, and a form's on POST. */
import type { HttpRequest } from '../../runtime/http-server.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { GetParameter } from '../../protocols/query-params.ts'

const FORM_BYTES_MAX = 10 * 1024 * 1024

/** The form's values come before the URL's, as in Go. */
export async function parametersOf(request: HttpRequest): Promise<URLSearchParams> {
  if (request.method !== 'POST' || !(headerOf(request, 'content-type') ?? '').startsWith('application/x-www-form-urlencoded')) return request.query
  const body = await request.body(FORM_BYTES_MAX, (bytes) => new SkaldError('body_too_large', `form of ${bytes} bytes is larger than ${FORM_BYTES_MAX}`))
  return new URLSearchParams([...new URLSearchParams(body.toString('utf8')), ...request.query])
}

export const getterOf = (parameters: URLSearchParams): GetParameter => (name) => parameters.get(name) ?? ''

export function headerOf(request: HttpRequest, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}
