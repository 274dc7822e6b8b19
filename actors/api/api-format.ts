/** `format_query`: a query laid out as Loki lays it out. Its errors are JSON, unlike those of other query endpoints. */
import type { HttpResponse } from '../../runtime/http-server.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { parse } from '../../protocols/logql/parser.ts'
import { prettify } from '../../protocols/logql/print.ts'
import { type ApiEndpoint, type ApiRequest, json } from './api.ts'

export const formatEndpoints = (): ApiEndpoint[] => [{ path: '/loki/api/v1/format_query', handle: format }]

function format({ parameters }: ApiRequest): HttpResponse {
  try {
    return json({ status: 'success', data: prettify(parse(parameters.get('query') ?? '')) })
  } catch (error) {
    if (!(error instanceof SkaldError) || error.status !== 400) throw error
    return json({ status: 'invalid-query', error: error.message }, 400)
  }
}
