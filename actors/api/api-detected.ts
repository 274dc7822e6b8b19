/** `detected_fields` and `detected_field/:name/values`: what there is to filter by, for explorers of logs. */
import type { HttpResponse } from '../../runtime/http-server.ts'
import { limitParameter, rangeQueryParameters } from '../../protocols/query-params.ts'
import { type ApiEndpoint, type ApiRequest, JSON_TYPE, jsonAround } from './api.ts'
import { getterOf } from './http-parameters.ts'
import type { QueryFrontEnd } from '../query/query-front-end.ts'
import type { AnswerForm } from '../query/answer-tasks.ts'
import type { Services } from '../services.ts'

const FIELDS_DEFAULT = 1000

export function detectedEndpoints(services: Services, frontEnd: QueryFrontEnd): ApiEndpoint[] {
  return [
    {
      path: '/loki/api/v1/detected_fields',
      handle: async (request) => {
        const limit = fieldLimit(request.parameters)
        return detected({ fields: await detect(services, frontEnd, request, { kind: 'fields', limit }), limit })
      },
    },
    {
      path: '/loki/api/v1/detected_field/:name/values',
      handle: async (request) => {
        const limit = fieldLimit(request.parameters)
        return detected({ values: await detect(services, frontEnd, request, { kind: 'values', name: request.path['name'] ?? '', limit }), limit })
      },
    },
  ]
}

const detected = (members: Parameters<typeof jsonAround>[0]): HttpResponse => ({ status: 200, headers: JSON_TYPE, body: jsonAround(members) })

/** Runs the query for `line_limit` entries, and has their lines looked at where answers are made. Gives JSON. */
async function detect(services: Services, frontEnd: QueryFrontEnd, { parameters, tenant, signal }: ApiRequest, form: AnswerForm): Promise<ReadonlyArray<Uint8Array>> {
  const get = getterOf(parameters)
  const { query: text, ...range } = rangeQueryParameters((name) => (name === 'limit' ? get('line_limit') : get(name)), BigInt(services.clock.nowMs()) * 1_000_000n)
  await frontEnd.answers.run({ kind: 'parseLog', text }, signal)
  const { shown } = await frontEnd.query({ tenant, text, parameters: { kind: 'range', ...range }, form, signal })
  if (shown.kind !== 'pieces') throw new Error('a log query gave no streams')
  return shown.pieces
}

function fieldLimit(parameters: URLSearchParams): number {
  const given = parameters.get('limit') ?? parameters.get('field_limit') ?? ''
  return given === '' ? FIELDS_DEFAULT : limitParameter(given)
}
