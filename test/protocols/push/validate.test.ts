/** What of a push is stored and what is told (rule W3), in Loki's words. */
import { describe, expect, it } from 'vitest'
import { LIMIT_DEFAULTS } from '../../../protocols/limits.ts'
import type { Limits } from '../../../protocols/limits.ts'
import type { TenantId } from '../../../protocols/model.ts'
import { decodePushRequest } from '../../../protocols/push/decode-protobuf.ts'
import { PushRates, byteSize, fullBucket, take } from '../../../protocols/push/rate.ts'
import { PushValidator } from '../../../protocols/push/validate.ts'
import type { PushVerdict } from '../../../protocols/push/validate.ts'
import { SkaldError } from '../../../runtime/errors.ts'
import { busyAgentPush, plainOf, pushBody, seeded } from '../../support/push-bodies.ts'
import type { PlainEntry, PlainStream } from '../../support/push-bodies.ts'

const NOW_MS = 1_793_491_200_000
const NOW_NS = BigInt(NOW_MS) * 1_000_000n
const tenant = 'acme' as TenantId
const entry = (line: string, over: Partial<PlainEntry> = {}): PlainEntry => ({ ns: NOW_NS, line: Buffer.from(line), ...over })
const stream = (labels: string, ...entries: PlainEntry[]): PlainStream => ({ labels, entries })
const limitsWith = (over: Partial<Limits>): Limits => ({ ...LIMIT_DEFAULTS, discover_service_name: [], ...over })
const validate = (streams: PlainStream[], over: Partial<Limits> = {}): PushVerdict =>
  new PushValidator(tenant, limitsWith(over)).validate(decodePushRequest(pushBody(streams)), NOW_MS)
const kept = (verdict: PushVerdict): Array<[string, string[]]> =>
  verdict.batch === null ? [] : plainOf(verdict.batch).map((s, k) => [verdict.streams[k]!.labelsText, s.entries.map((e) => e.line.toString())])
const told = (verdict: PushVerdict): string[] => verdict.refusal?.message.split('; ').sort() ?? []

describe('a good push', () => {
  it('passes untouched: the same batch, its labels canonical', () => {
    const batch = decodePushRequest(pushBody(busyAgentPush(seeded(1), 2_000, NOW_NS)))
    const verdict = new PushValidator(tenant, limitsWith({})).validate(batch, NOW_MS)
    expect(verdict.batch).toBe(batch)
    expect(verdict.refusal).toBeNull()
    expect(verdict.streams[0]).toMatchObject({ labelsText: '{host="h0", job="bench", system="s0"}', refusal: null })
  })

  it('passes with metadata in order, and with streams that have no entries', () => {
    const batch = decodePushRequest(pushBody([stream('{a="b"}', entry('x', { metadata: [['trace_id', 'ä']] })), stream('{c="d"}')]))
    expect(new PushValidator(tenant, limitsWith({})).validate(batch, NOW_MS).batch).toBe(batch)
  })

  it('gets a service_name from the first label of the list, or unknown_service', () => {
    const names = (labels: string, over: Partial<Limits> = {}): string => validate([stream(labels, entry('x'))], { discover_service_name: ['app', 'job'], ...over }).streams[0]!.labelsText
    expect(names('{zone="z", job="j", app="a"}')).toBe('{app="a", job="j", service_name="a", zone="z"}')
    expect(names('{zone="z"}')).toBe('{service_name="unknown_service", zone="z"}')
    expect(names('{service_name="own", app="a"}')).toBe('{app="a", service_name="own"}')
    expect(names('{__pattern__="x"}')).toBe('{__pattern__="x"}')
    expect(names('{app="a"}', { discover_service_name: [] })).toBe('{app="a"}')
  })
})

describe('refusals (W3)', () => {
  const old = entry('old', { ns: NOW_NS - 8n * 86_400_000_000_000n })
  const late = entry('future', { ns: NOW_NS + 601_000_000_000n })

  it('begin a nanosecond beyond the oldest and the newest acceptable time, whether or not anything else of the push is refused', () => {
    const [oldestNs, newestNs] = [NOW_NS - 7n * 86_400_000_000_000n, NOW_NS + 600_000_000_000n]
    const bounds = [entry('oldest', { ns: oldestNs }), entry('newest', { ns: newestNs })]
    const beyond = [entry('too old', { ns: oldestNs - 1n }), entry('too new', { ns: newestNs + 1n })]
    expect(validate([stream('{a="b"}', ...bounds)]).refusal).toBeNull()
    for (const refused of beyond) expect(validate([stream('{a="b"}', refused)]).batch, refused.line.toString()).toBeNull()
    expect(kept(validate([stream('{a="b"}', ...bounds, ...beyond)]))).toEqual([['{a="b"}', ['oldest', 'newest']]])
  })

  it('keep every good entry of the push and name each reason once', () => {
    const long = entry('x'.repeat(300))
    const verdict = validate([stream('{b="1", a="2"}', entry('one'), long, entry('two'), old, late), stream('{}', entry('lost'), entry('lost')), stream('{c="3"}', entry('three'))], { max_line_size: 256 })
    expect(kept(verdict)).toEqual([['{a="2", b="1"}', ['one', 'two']], ['{c="3"}', ['three']]])
    expect(verdict.refusal?.status).toBe(400)
    expect(told(verdict)).toEqual([
      '1 errors like: entry for stream \'{a="2", b="1"}\' has timestamp too new: 2026-11-01T00:10:01Z',
      '1 errors like: entry for stream \'{a="2", b="1"}\' has timestamp too old: 2026-10-24T00:00:00Z, oldest acceptable timestamp is: 2026-10-25T00:00:00Z',
      '1 errors like: error at least one label pair is required per stream',
      '1 errors like: max entry size \'256\' bytes exceeded for stream \'{a="2", b="1"}\' while adding an entry with length \'300\' bytes',
    ])
    expect(verdict.discarded.get('missing_labels')).toEqual({ entryCount: 2, bytes: 8 })
    expect(verdict.discarded.get('line_too_long')).toEqual({ entryCount: 1, bytes: 300 })
  })

  it('say one thing plainly, the same thing often with its count', () => {
    expect(told(validate([stream('{a="b"}', late)]))).toEqual(['entry for stream \'{a="b"}\' has timestamp too new: 2026-11-01T00:10:01Z'])
    expect(told(validate([stream('{a="b"}', late, late, late)]))).toEqual(['3 errors like: entry for stream \'{a="b"}\' has timestamp too new: 2026-11-01T00:10:01Z'])
  })

  it('of everything leave nothing to store', () => {
    expect(validate([stream('{a="b"}', late)])).toMatchObject({ batch: null, streams: [] })
  })

  it('hold exactly at the limits', () => {
    const edge = [entry('a', { ns: NOW_NS - 7n * 86_400_000_000_000n }), entry('b', { ns: NOW_NS + 600_000_000_000n }), entry('x'.repeat(256))]
    expect(validate([stream('{a="b"}', ...edge)], { max_line_size: 256 }).refusal).toBeNull()
    expect(validate([stream('{a="b"}', old)], { reject_old_samples: false }).refusal).toBeNull()
    expect(validate([stream('{a="b"}', entry('x'.repeat(300_000)))], { max_line_size: 0 }).refusal).toBeNull()
  })

  it('take labels by name, size and number', () => {
    const text = (labels: string, over: Partial<Limits> = {}): string | undefined => validate([stream(labels, entry('x'))], over).refusal?.message
    expect(text('{a="1", a="2"}')).toBe(`stream '{a="1", a="2"}' has duplicate label name: 'a'`)
    expect(text('{ab="1"}', { max_label_name_length: 1 })).toBe(`stream '{ab="1"}' has label name too long: 'ab'`)
    expect(text('{a="ää"}', { max_label_value_length: 3 })).toBe(`stream '{a="ää"}' has label value too long: 'ää'`)
    expect(text('{a="1", b="2", service_name="s"}', { max_label_names_per_series: 2 })).toBeUndefined()
    expect(text('{a="1", b="2", c="3"}', { max_label_names_per_series: 2 })).toBe(`entry for stream '{a="1", b="2", c="3"}' has 3 label names; limit 2`)
    expect(text('{a="1"}', { enforced_labels: ['a', 'team', 'env'] })).toBe(`missing required labels 'team,env' for user 'acme' for stream '{a="1"}' (policy: '')`)
  })

  it('refuse the whole push for labels that do not parse, and one without streams', () => {
    expect(() => validate([stream('{a="b"}', entry('x')), stream('{a=b}', entry('x'))])).toThrow(`couldn't parse labels: 1:4: parse error: unexpected identifier "b" in label set, expected string`)
    expect(() => validate([])).toThrow(new SkaldError('empty_push', 'error at least one valid stream is required for ingestion'))
  })

  it('take structured metadata when it is not allowed, too large, too many', () => {
    const push = [stream('{a="b"}', entry('good'), entry('bad', { metadata: [['k', 'vv'], ['l', 'w']] }))]
    const check = (over: Partial<Limits>): [unknown, string[]] => [kept(validate(push, over)), told(validate(push, over))]
    expect(check({ allow_structured_metadata: false })).toEqual([
      [['{a="b"}', ['good']]],
      ['stream \'{a="b"}\' includes structured metadata, but this feature is disallowed. Please see `limits_config.allow_structured_metadata` or contact your Loki administrator to enable it'],
    ])
    expect(check({ max_structured_metadata_size: 4 })[1][0]).toMatch(/^stream '\{a="b"\}' has structured metadata too large: '5' bytes, limit: '4' bytes\./)
    expect(check({ max_structured_metadata_entries_count: 1 })[1][0]).toMatch(/^stream '\{a="b"\}' has too many structured metadata labels: '2', limit: '1'\./)
    expect(check({ max_structured_metadata_size: 5, max_structured_metadata_entries_count: 2 })[1]).toEqual([])
  })

  it('never make an answer larger than some hundred messages', () => {
    const entries = Array.from({ length: 5_000 }, (_, i) => entry('x', { ns: NOW_NS + BigInt(1_000 + i) * 1_000_000_000n }))
    const { refusal } = validate([stream('{a="b"}', ...entries)])
    expect(refusal!.message.length).toBeLessThan(20_000)
    expect(refusal!.message).toMatch(/4900 more errors$/)
  })
})

describe('changes', () => {
  it('cut lines that are too long, where that is asked for', () => {
    const verdict = validate([stream('{a="b"}', entry('0123456789'), entry('short'))], { max_line_size: 8, max_line_size_truncate: true, max_line_size_truncate_identifier: '…' })
    expect(kept(verdict)).toEqual([['{a="b"}', ['01234…', 'short']]])
    expect(verdict.refusal).toBeNull()
    expect(verdict.truncated).toEqual({ entryCount: 1, bytes: 2 })
  })

  it('bring metadata names into form and broken runes in values to spaces', () => {
    const metadata: Array<[string, string]> = [['http.status-code', '200'], ['9lives', 'x\uFFFDy'], ['ok_name', 'v'], ['__meta__', 'm']]
    const verdict = validate([stream('{a="b"}', entry('x', { metadata }), entry('y'))])
    expect(plainOf(verdict.batch!)[0]!.entries.map((e) => e.metadata)).toEqual([[['http_status_code', '200'], ['key_9lives', 'x y'], ['ok_name', 'v'], ['__meta__', 'm']], undefined])
    expect(told(validate([stream('{a="b"}', entry('x', { metadata: [['', 'v']] }), entry('y'))]))).toEqual(['label name is empty'])
  })

  it('keep times, lines and metadata of what they do not change, for random pushes', () => {
    const next = seeded(12)
    for (let round = 0; round < 100; round++) {
      const push = Array.from({ length: 3 }, (_, s) =>
        stream(`{s="${s}"}`, ...Array.from({ length: Math.floor(next() * 20) }, (_e, i) => entry(`${i}${'x'.repeat(Math.floor(next() * 20))}`, { ns: NOW_NS + BigInt(Math.floor(next() * 1e12)), ...(next() < 0.3 ? { metadata: [['k', String(i)]] } : {}) }))),
      )
      const good = (e: PlainEntry): boolean => e.ns <= NOW_NS + 600_000_000_000n && e.line.length <= 15
      const wanted = push.map((s) => ({ ...s, entries: s.entries.filter(good).sort((a, b) => Number(a.ns - b.ns)) })).filter((s) => s.entries.length > 0)
      const verdict = validate(push, { max_line_size: 15 })
      expect((verdict.batch === null ? [] : plainOf(verdict.batch)).filter((s) => s.entries.length > 0)).toEqual(wanted)
      expect(verdict.batch?.rowCount ?? 0).toBe(wanted.reduce((sum, s) => sum + s.entries.length, 0))
    }
  })
})

describe('blocked ingestion', () => {
  const until = '2026-11-01T01:00:00Z'
  it('stores nothing until its time and answers with its status', () => {
    const verdict = validate([stream('{a="b"}', entry('x'))], { block_ingestion_until: until })
    expect(verdict).toMatchObject({ batch: null, refusal: { status: 260, message: `ingestion blocked for user 'acme' until '${until}' with status code '260'` } })
    expect(verdict.discarded.get('blocked_ingestion')?.entryCount).toBe(1)
    expect(validate([stream('{a="b"}', entry('x'))], { block_ingestion_until: '2026-10-31T23:00:00Z' }).refusal).toBeNull()
  })

  it('is silent with status 200, and outranked by what is wrong', () => {
    expect(validate([stream('{a="b"}', entry('x'))], { block_ingestion_until: until, block_ingestion_status_code: 200 })).toMatchObject({ batch: null, refusal: null })
    expect(validate([stream('{}', entry('x'))], { block_ingestion_until: until }).refusal).toEqual({ status: 400, message: 'error at least one label pair is required per stream' })
  })
})

describe('rates', () => {
  it('a bucket gives its burst at once and its rate afterwards', () => {
    const rate = { bytesPerS: 100, burstBytes: 300 }
    const first = take(fullBucket(rate, 0), rate, 300, 0)
    expect(first.taken).toBe(true)
    expect(take(first.bucket, rate, 1, 5).taken).toBe(false)
    expect(take(first.bucket, rate, 100, 1_000).taken).toBe(true)
    expect(take(first.bucket, rate, 301, 1e9).taken).toBe(false)
    expect(take(first.bucket, rate, 1, -5_000).taken).toBe(false)
  })

  it('a tenant over its rate has the whole push refused, and is told when to come back', () => {
    const limits = limitsWith({ ingestion_rate_mb: 1, ingestion_burst_size_mb: 0.0001 })
    const verdict = validate([stream('{a="b"}', entry('x'.repeat(90))), stream('{c="d"}', entry('y'.repeat(20)))])
    const rates = new PushRates(tenant, limits)
    expect(() => rates.admit(verdict, 2, NOW_MS)).toThrow(
      `ingestion rate limit exceeded for user acme (limit: 524288 bytes/sec) while attempting to ingest '2' lines totaling '110' bytes, reduce log volume or contact your Loki administrator to see if the limit can be increased`,
    )
    const small = validate([stream('{a="b"}', entry('x'))])
    expect(rates.admit(small, 2, NOW_MS)).toBe(small)
  })

  it('a stream over its rate is refused alone', () => {
    const rates = new PushRates(tenant, limitsWith({ per_stream_rate_limit: 1024, per_stream_rate_limit_burst: 100 }))
    const verdict = rates.admit(validate([stream('{a="b"}', entry('x'.repeat(101))), stream('{c="d"}', entry('fine'))]), 1, NOW_MS)
    expect(kept(verdict)).toEqual([['{c="d"}', ['fine']]])
    expect(verdict.refusal?.status).toBe(429)
    expect(verdict.refusal?.message).toMatch(/^Per stream rate limit exceeded \(limit: 1KB\/sec\) while attempting to ingest for stream '\{a="b"\}' totaling 101B, consider splitting/)
    expect(byteSize(3 * 1024 * 1024)).toBe('3MB')
  })
})
