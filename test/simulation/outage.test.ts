/**
 * The bucket is away for a day. Pushes go on: first into memory, then only into the log, until the log's own limit; then they are refused with 503 and
 * Retry-After. Memory stays within its budget all along, queries are answered, and when the bucket is back everything accepted is stored, once (W1, W4, F1).
 */
import snappy from 'snappy'
import { describe, expect, it } from 'vitest'
import { LIMIT_DEFAULTS } from '../../protocols/limits.ts'
import { PushEncoder } from '../../protocols/push/encode-protobuf.ts'
import type { PushAnswer } from '../../actors/write/tenant.ts'
import type { TenantId } from '../../protocols/model.ts'
import { seeded } from '../support/push-bodies.ts'
import { SimulatedNode } from './node.ts'
import { World } from './world.ts'
import { scannedLines } from '../support/scanned-lines.ts'

const MB = 1024 * 1024
const HOUR_MS = 3_600_000
const PUSH_EVERY_MS = 10 * 60_000
const LINES_PER_PUSH = 1_000
const WAL_BYTES = 24 * MB
const BUDGET_BYTES = 40 * MB
/** The budget is looked at before a record is applied: one slab may be opened beyond it. */
const SLAB_BYTES = 8 * MB
const TENANT = 'outage' as TenantId

class Story {
  readonly world = new World({ seed: 4, partitions: 1, lossRatio: 0, walBytesMax: WAL_BYTES })
  readonly node = new SimulatedNode(this.world, {
    name: 'alone', incarnation: 1, zone: '', rate: 1, standbys: 0, leaseTtlMs: HOUR_MS, heartbeatMs: HOUR_MS / 4, memoryBytes: BUDGET_BYTES,
    limits: { ...LIMIT_DEFAULTS, ingestion_rate_mb: 1000, ingestion_burst_size_mb: 1000, per_stream_rate_limit: 1e9, per_stream_rate_limit_burst: 1e9 },
    settings: {
      partitions: 1, cut: { segmentBytesTarget: 4 * MB, ageMsMax: 2 * HOUR_MS, idleMsMax: HOUR_MS }, checkPeriodMs: 60_000, streamIdleMs: 10 * 60_000,
      appendDeadlineMs: 2_000, catchUpMsMax: 10_000, queryMemoryBytesMax: 1024 * MB, strict: false, matchAllBytesMax: 0, encoding: 'zstd',
    },
  })
  readonly accepted: string[] = []
  readonly refusals: PushAnswer[] = []
  highestBytes = 0
  #pushes = 0
  readonly #random = seeded(9)

  /** A push every few minutes, for so long. */
  async live(ms: number): Promise<void> {
    for (const endMs = this.world.clock.monotonicMs() + ms; this.world.clock.monotonicMs() < endMs; ) {
      const lines = Array.from({ length: LINES_PER_PUSH }, () => `${this.#pushes} ${this.#filler()}`)
      this.#pushes++
      const answer = await this.world.until(this.#push(lines), HOUR_MS, 'a push')
      if (answer.status === 204) this.accepted.push(...lines)
      else this.refusals.push(answer)
      await this.world.clock.run(PUSH_EVERY_MS)
      this.highestBytes = Math.max(this.highestBytes, this.node.budget!.usedBytes())
    }
  }

  async read(): Promise<{ lines: string[]; warnings: ReadonlyArray<string> }> {
    const nowNs = BigInt(this.world.clock.nowMs()) * 1_000_000n
    const plan = { kind: 'log', matchers: [], stages: [], startNs: String(nowNs - 400_000_000_000_000n), endNs: String(nowNs), direction: 'forward', limit: 1_000_000, intervalNs: '0' } as const
    const answer = await this.world.until(this.node.querier!.scan({ tenant: TENANT, plan, signal: new AbortController().signal, cached: false }), HOUR_MS, 'a query')
    return { lines: scannedLines(plan, answer), warnings: answer.warnings }
  }

  #push(lines: ReadonlyArray<string>): Promise<PushAnswer> {
    const encoder = new PushEncoder()
    const baseMs = this.world.clock.nowMs()
    lines.forEach((text, i) => {
      const line = Buffer.from(text)
      encoder.entry(Math.floor(baseMs / 1000), (baseMs % 1000) * 1_000_000 + i, line, 0, line.length, null, 0, 0)
    })
    encoder.endStream('{app="outage"}')
    const content = { contentType: 'application/x-protobuf', contentEncoding: undefined, body: snappy.compressSync(encoder.finish()), legacy: false }
    return this.node.gateway!.push({ tenant: TENANT, kind: 'loki', content, pushId: '', traceParent: '' })
  }

  /** Compresses little, as ids do. */
  #filler(): string {
    return Array.from({ length: 30 }, () => Math.floor(this.#random() * 2 ** 32).toString(36)).join('')
  }
}

describe('a bucket that is away for a day', () => {
  it('costs no line: the log takes over, up to its limit', async () => {
    const story = new Story()
    const { world, node } = story
    await world.until(node.start(), HOUR_MS, 'the start')
    await world.clock.run(60_000)
    await story.live(HOUR_MS)
    expect(story.refusals).toEqual([])

    node.links.objects.isCut = true
    await story.live(24 * HOUR_MS)
    expect(story.refusals.length).toBeGreaterThan(10)
    for (const refusal of story.refusals) {
      expect(refusal.status).toBe(503)
      expect(refusal.retryAfterS).toBeGreaterThan(0)
      expect(refusal.message).toMatch(/wal\.max_size/)
    }
    expect((await world.wal.state(0)).sizeBytes).toBeGreaterThan(WAL_BYTES * 0.95)
    expect(story.highestBytes).toBeLessThan(BUDGET_BYTES + SLAB_BYTES)
    const during = await story.read()
    expect(during.lines.length).toBeGreaterThan(0)

    node.links.objects.isCut = false
    const refusedBefore = story.refusals.length
    await world.clock.run(10 * 60_000)
    await story.live(2 * HOUR_MS)
    expect(story.refusals.length).toBe(refusedBefore)
    const after = await story.read()
    expect(after.warnings).toEqual([])
    expect(after.lines.toSorted()).toEqual(story.accepted.toSorted())
    expect((await world.wal.state(0)).sizeBytes).toBeLessThan(WAL_BYTES / 4)
    expect(world.invariants.violations).toEqual([])
    await world.until(node.stop(), HOUR_MS, 'the stop')
  }, 120_000)
})
