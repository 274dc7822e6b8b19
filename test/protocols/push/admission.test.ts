/** What a tenant's limits leave of a push, stage after stage: equal times, hot streams, rates, numbers of streams (W3). */
import { describe, expect, it } from 'vitest'
import { LIMIT_DEFAULTS, type Limits } from '../../../protocols/limits.ts'
import type { TenantId } from '../../../protocols/model.ts'
import { ActiveStreams, activeStreamsMax } from '../../../protocols/push/active-streams.ts'
import { PushAdmission } from '../../../protocols/push/admission.ts'
import { decodePushRequest } from '../../../protocols/push/decode-protobuf.ts'
import { spreadDuplicateTimes } from '../../../protocols/push/duplicate-times.ts'
import { splitBatch } from '../../../protocols/push/split.ts'
import type { PushVerdict } from '../../../protocols/push/validate.ts'
import { withCpuMs } from '../../support/cpu-time.ts'
import { plainOf, pushBody, type PlainEntry, type PlainStream } from '../../support/push-bodies.ts'

const NOW_MS = 1_793_491_200_000
const NOW_NS = BigInt(NOW_MS) * 1_000_000n
const SECOND_MS = 1_000
const MIB = 1_048_576
const tenant = 'acme' as TenantId
const entry = (line: string, afterNs = 0n): PlainEntry => ({ ns: NOW_NS + afterNs, line: Buffer.from(line) })
const batchOf = (...streams: PlainStream[]) => decodePushRequest(pushBody(streams))
const stream = (labels: string, ...entries: PlainEntry[]): PlainStream => ({ labels, entries })
const limitsWith = (over: Partial<Limits>): Limits => ({ ...LIMIT_DEFAULTS, discover_service_name: [], ingestion_rate_mb: 1_000, ingestion_burst_size_mb: 1_000, ...over })
const admission = (over: Partial<Limits>, partitions = 1): PushAdmission => new PushAdmission(tenant, limitsWith(over), { partitions, streamIdleMs: 60 * SECOND_MS })
const labelsOf = (verdict: PushVerdict): string[] => verdict.streams.map((s) => s.labelsText)

describe('a push that nothing is wrong with', () => {
  it('passes untouched', () => {
    const batch = batchOf(stream('{a="b"}', entry('one'), entry('two', 1n)))
    expect(admission({}, 4).admit(batch, 1, NOW_MS).batch).toBe(batch)
  })
})

describe('increment_duplicate_timestamp', () => {
  const times = (...entries: PlainEntry[]): Array<[string, bigint]> => plainOf(spreadDuplicateTimes(batchOf(stream('{a="b"}', ...entries))))[0]!.entries.map((e) => [e.line.toString(), e.ns - NOW_NS])

  it('moves entries of one time apart, in order, also where the next time is near', () => {
    expect(times(entry('a'), entry('b'), entry('c'), entry('d', 2n), entry('e', 9n))).toEqual([['a', 0n], ['b', 1n], ['c', 2n], ['d', 3n], ['e', 9n]])
  })

  it('leaves an entry that was sent twice', () => {
    const batch = batchOf(stream('{a="b"}', entry('same'), entry('same'), entry('later', 1n)))
    expect(spreadDuplicateTimes(batch)).toBe(batch)
  })

  it('keeps streams apart, and metadata', () => {
    const metadata: Array<[string, string]> = [['k', 'v']]
    const spread = spreadDuplicateTimes(batchOf(stream('{a="b"}', entry('x')), stream('{c="d"}', entry('y'), { ...entry('z'), metadata })))
    expect(plainOf(spread)).toEqual([stream('{a="b"}', entry('x')), stream('{c="d"}', entry('y'), { ...entry('z', 1n), metadata })])
  })

  it('is off by default', () => {
    const batch = batchOf(stream('{a="b"}', entry('x'), entry('y')))
    expect(admission({}).admit(batch, 1, NOW_MS).batch).toBe(batch)
    expect(admission({ increment_duplicate_timestamp: true }).admit(batch, 1, NOW_MS).batch).not.toBe(batch)
  })
})

describe('a stream that is hot', () => {
  const half = batchOf(stream('{a="b"}', ...Array.from({ length: 8 }, (_, i) => entry('x'.repeat(65_536), BigInt(i)))), stream('{cold="1"}', entry('y')))
  /** 5 MiB a second for ten seconds: the verdicts, the last one last. */
  const heat = (to: PushAdmission): PushVerdict[] => Array.from({ length: 100 }, (_, i) => to.admit(half, 1, NOW_MS + i * 100))

  it('is dealt over shards where there are partitions to spread them over', () => {
    const verdict = heat(admission({}, 4)).at(-1)!
    const shards = Math.ceil((10 * MIB) / LIMIT_DEFAULTS.shard_streams.desired_rate)
    expect(labelsOf(verdict)).toEqual([...Array.from({ length: shards }, (_, i) => `{__stream_shard__="${i}", a="b"}`), '{cold="1"}'])
    expect(verdict.batch!.rowCount).toBe(9)
    expect(verdict.refusal).toBeNull()
  })

  it('stays whole on one partition, at the rate that its shards would have', () => {
    const verdicts = heat(admission({}))
    expect(new Set(verdicts.flatMap(labelsOf))).toEqual(new Set(['{a="b"}', '{cold="1"}']))
    expect(verdicts.every((verdict) => verdict.refusal === null)).toBe(true)
    const unsharded = heat(admission({ shard_streams: { ...LIMIT_DEFAULTS.shard_streams, enabled: false } }))
    expect(unsharded.find((verdict) => verdict.refusal !== null)?.refusal?.message).toContain("Per stream rate limit exceeded (limit: 3MB/sec) while attempting to ingest for stream '{a=\"b\"}'")
  })
})

describe('the rate of a tenant', () => {
  const [rateMb, nodes] = [4, 4]
  const push = batchOf(stream('{a="b"}', ...Array.from({ length: 16 }, (_, i) => entry('x'.repeat(65_536), BigInt(i)))))
  /** How many pushes of 1 MiB, twenty a second for ten seconds, one of the nodes takes. */
  const taken = (strategy: Limits['ingestion_rate_strategy']): number => {
    const to = admission({ ingestion_rate_strategy: strategy, ingestion_rate_mb: rateMb, ingestion_burst_size_mb: rateMb, per_stream_rate_limit: 1e9, per_stream_rate_limit_burst: 1e9 })
    const isTaken = (atMs: number): boolean => {
      try {
        return to.admit(push, nodes, atMs).refusal === null
      } catch (error) {
        expect(error).toMatchObject({ code: 'rate_limited', status: 429 })
        return false
      }
    }
    return Array.from({ length: 200 }, (_, i) => isTaken(NOW_MS + i * 50)).filter(Boolean).length
  }

  it('is shared by the nodes with the strategy global, is each node’s own with local; the burst is never divided', () => {
    const burst = rateMb
    expect(taken('global')).toBe(burst + Math.floor((9.95 * rateMb) / nodes))
    expect(taken('local')).toBe(burst + Math.floor(9.95 * rateMb))
  })
})

describe('the number of streams', () => {
  const push = (to: PushAdmission, names: string[], atMs = NOW_MS): PushVerdict => to.admit(batchOf(...names.map((name) => stream(`{name="${name}"}`, entry('x')))), 1, atMs)

  it('is limited: new streams are refused, those in use go on (W3)', () => {
    const limited = admission({ max_global_streams_per_user: 2 })
    expect(push(limited, ['a', 'b']).refusal).toBeNull()
    const verdict = push(limited, ['a', 'c', 'b'])
    expect(labelsOf(verdict)).toEqual(['{name="a"}', '{name="b"}'])
    expect(verdict.refusal).toEqual({
      status: 429,
      message: `maximum active stream limit exceeded when trying to create stream {name="c"}, reduce the number of active streams (reduce labels or reduce label values), or contact your Loki administrator to see if the limit can be increased, user: 'acme'`,
    })
    expect(verdict.discarded.get('stream_limit')).toEqual({ entryCount: 1, bytes: 1 })
  })

  it('falls when streams are idle, not when they are in use', () => {
    const limited = admission({ max_global_streams_per_user: 2 })
    push(limited, ['a', 'b'])
    for (let s = 20; s <= 180; s += 20) expect(push(limited, ['a'], NOW_MS + s * SECOND_MS).refusal).toBeNull()
    expect(push(limited, ['c'], NOW_MS + 181 * SECOND_MS).refusal).toBeNull()
    expect(push(limited, ['b'], NOW_MS + 182 * SECOND_MS).refusal?.status).toBe(429)
    expect(push(limited, ['d', 'e'], NOW_MS + 900 * SECOND_MS).refusal).toBeNull()
  })

  it('goes by the smaller limit, 0 being none, and costs memory only where there is one', () => {
    expect(activeStreamsMax(limitsWith({ max_streams_per_user: 7 }))).toBe(7)
    expect(activeStreamsMax(limitsWith({ max_streams_per_user: 9_000 }))).toBe(5_000)
    expect(activeStreamsMax(limitsWith({ max_global_streams_per_user: 0 }))).toBe(Infinity)
    const active = new ActiveStreams(tenant, limitsWith({ max_global_streams_per_user: 0 }), 1)
    const verdict = push(admission({}), ['a'])
    expect(active.admit(verdict, NOW_MS)).toBe(verdict)
    expect(active.count).toBe(0)
  })

  it('tells what can be sent again before what is wrong', () => {
    const verdict = admission({ max_global_streams_per_user: 1 }).admit(batchOf(stream('{}', entry('bad')), stream('{a="1"}', entry('x')), stream('{b="1"}', entry('x'))), 1, NOW_MS)
    expect(verdict.refusal?.status).toBe(429)
    expect([...verdict.discarded.keys()]).toEqual(['missing_labels', 'stream_limit'])
  })

  it('is decided in linear time', () => {
    const streams = Array.from({ length: 20_000 }, (_, i) => stream(`{n="${i}"}`, entry('x')))
    const limited = admission({ max_global_streams_per_user: 5_000 })
    const { result, cpuMs } = withCpuMs(() => limited.admit(batchOf(...streams), 1, NOW_MS))
    expect(result.streams).toHaveLength(5_000)
    expect(cpuMs).toBeLessThan(5_000)
  })
})

describe('a large push', () => {
  it('is cut into parts that keep every time', () => {
    const entries = Array.from({ length: 40 }, (_, i) => entry(`${i}`.padEnd(MIB / 8, '.'), BigInt(i) * 700_000_000n))
    const parts = splitBatch(batchOf(stream('{a="b"}', ...entries)), MIB)
    expect(parts.length).toBeGreaterThan(4)
    expect(parts.flatMap(({ batch }) => plainOf(batch).flatMap((s) => s.entries))).toEqual(entries)
  })
})
