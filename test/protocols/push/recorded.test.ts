/** The recorded push requests give the recorded answers: status and text, decided without a server. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { LIMIT_DEFAULTS } from '../../../protocols/limits.ts'
import type { Limits } from '../../../protocols/limits.ts'
import type { TenantId } from '../../../protocols/model.ts'
import { decodePush } from '../../../protocols/push/content.ts'
import type { DecodedPush } from '../../../protocols/push/content.ts'
import { decodeOtlpPush } from '../../../protocols/push/decode-otlp.ts'
import { PushValidator } from '../../../protocols/push/validate.ts'
import { SkaldError } from '../../../runtime/errors.ts'

interface RecordedCase {
  readonly id: string
  readonly group: string
  readonly what: string
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly tenant: string
  readonly body64?: string
  readonly expect: { readonly status: number; readonly body: string }
}

const file = path.resolve(import.meta.dirname, '../../../../shared/conformance/cases.json.gz')
const cases: RecordedCase[] = existsSync(file) ? JSON.parse(gunzipSync(readFileSync(file)).toString()) : []
const pushes = cases.filter((c) => c.group === 'push' && c.method === 'POST')

/** What the recording server was set to. */
const limits: Limits = { ...LIMIT_DEFAULTS, reject_old_samples: false, discover_service_name: [], max_line_size: 256 * 1024 }
const NOW_MS = 1_793_491_260_000

function decode(c: RecordedCase): DecodedPush {
  const body = Buffer.from(c.body64 ?? '', 'base64')
  const content = { contentType: c.headers?.['content-type'], contentEncoding: c.headers?.['content-encoding'], body }
  return c.path === '/otlp/v1/logs' ? decodeOtlpPush(content, { limits, nowMs: NOW_MS }) : decodePush(content)
}

function answer(c: RecordedCase): { status: number; body: string } {
  try {
    const validator = new PushValidator(c.tenant as TenantId, limits)
    const refusals = decode(c).batches.map((batch) => validator.validate(batch, NOW_MS).refusal)
    return { status: refusals.find((r) => r !== null)?.status ?? 204, body: refusals.find((r) => r !== null)?.message ?? '' }
  } catch (error) {
    if (error instanceof SkaldError) return { status: error.status, body: error.message }
    throw error
  }
}

/** What wraps the message on the wire: a newline, or for OTLP a `google.rpc.Status`. */
const unwrapped = (c: RecordedCase): string => (c.path === '/otlp/v1/logs' ? c.expect.body.slice(2) : c.expect.body.replace(/\n$/, ''))
const groups = (text: string): string[] => text.split('; ').sort()

describe.skipIf(pushes.length === 0)('recorded pushes (../shared/conformance)', () => {
  it.each(pushes.map((c) => [c.id, c.what.slice(0, 60), c] as const))('%s %s', (_id, _what, c) => {
    const got = answer(c)
    expect(got.status).toBe(c.expect.status)
    expect(groups(got.body)).toEqual(groups(unwrapped(c)))
  })
})
