/** `format_query`: a query laid out as Loki lays it out. Its errors are JSON, unlike those of other query endpoints. */
import type { HttpResponse } from '../../runtime/http-server.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { AnswerWork } from '../query/answer-work.ts'
import { type ApiEndpoint, type ApiRequest, json, JSON_TYPE } from './api.ts'

export const formatEndpoints = (answers: AnswerWork): ApiEndpoint[] => [{ path: '/loki/api/v1/format_query', handle: (request) => format(answers, request) }]

async function format(answers: AnswerWork, { parameters, signal }: ApiRequest): Promise<HttpResponse> {
  try {
    return { status: 200, headers: JSON_TYPE, body: await answers.run({ kind: 'prettify', text: parameters.get('query') ?? '' }, signal) }
  } catch (error) {
    if (!(error instanceof SkaldError) || error.status !== 400) throw error
    return json({ status: 'invalid-query', error: error.message }, 400)
  }
}
