/** Pushes on their way into the log: with memory short they wait a moment for room instead of being read from the log and decoded again (W4); late ones are answered. */
import { describe, expect, it } from 'vitest'
import type { ActorRef } from '../../../runtime/actor.ts'
import { createMetrics } from '../../../runtime/metrics.ts'
import type { TenantId } from '../../../protocols/model.ts'
import { BatchMemory } from '../../../protocols/push/batch-memory.ts'
import { decodePushRequest } from '../../../protocols/push/decode-protobuf.ts'
import { walWriterBehavior, type WalWriterMessage } from '../../../actors/write/wal-writer.ts'
import { makeNodeMetrics } from '../../../actors/node-metrics.ts'
import type { Services } from '../../../actors/services.ts'
import { MemoryBudget } from '../../../storage/memory-budget.ts'
import { MemoryWal } from '../../../storage/wal-memory.ts'
import { settle, testSystem, type TestSystem } from '../../runtime/actor-harness.ts'
import { pushBody } from '../../support/push-bodies.ts'

const STOP_BYTES = 85
const REFUSE_BYTES = 96

interface Writer {
  readonly test: TestSystem
  readonly budget: MemoryBudget
  readonly wal: MemoryWal
  /** Answers of pushes so far. */
  readonly answers: string[]
  /** `bodyBytes`: as it goes into a record. */
  push(bodyBytes?: number): Promise<void>
}

async function writer(): Promise<Writer> {
  const test = testSystem()
  const budget = new MemoryBudget(100)
  const wal = new MemoryWal()
  await wal.open(0, 0)
  const services = { clock: test.clock, budget, wal, metrics: makeNodeMetrics(createMetrics()), settings: { appendDeadlineMs: 5_000 } } as unknown as Services
  const ref: ActorRef<WalWriterMessage> = test.system.root.start({ id: 'writer', behavior: walWriterBehavior(services, 0, 'w', () => undefined), restart: 'permanent' })
  const answers: string[] = []
  const batch = decodePushRequest(pushBody([{ labels: '{app="a"}', entries: [{ ns: 1n, line: Buffer.from('one') }] }]))
  const item = { tenant: 't' as TenantId, pushId: '', receivedMs: 1, labels: ['{app="a"}'], bodyBytes: batch.body.length }
  return {
    test, budget, wal, answers,
    async push(bodyBytes = 1) {
      const decoded = { tenant: 't', pushId: '', receivedMs: 1, labels: ['{app="a"}'], batch, memory: new BatchMemory(batch) }
      ref.tell({ kind: 'write', write: { item: { ...item, compressedBody: Buffer.alloc(bodyBytes) }, decoded, traceParent: '' }, reply: { succeed: () => void answers.push('stored'), fail: (error) => void answers.push(String(error)) } })
      await settle(test)
    },
  }
}

describe('a push while the owner has stopped applying', () => {
  it('waits until there is room again', async () => {
    const { test, budget, answers, push } = await writer()
    budget.add('heads', STOP_BYTES)
    await push()
    await test.clock.run(200)
    expect(answers).toEqual([])
    budget.add('heads', -STOP_BYTES)
    await settle(test)
    expect(answers).toEqual(['stored'])
  })

  it('is left to the log after a moment, because the log has the room that memory lacks', async () => {
    const { test, budget, answers, push } = await writer()
    budget.add('heads', STOP_BYTES)
    await push()
    await test.clock.run(249)
    expect(answers).toEqual([])
    await test.clock.run(1)
    expect(answers).toEqual(['stored'])
  })

  it('does not wait any more when nothing has been stored for long', async () => {
    const { test, budget, answers, push } = await writer()
    budget.add('heads', STOP_BYTES)
    await settle(test)
    await test.clock.run(5_001)
    await push()
    expect(answers).toEqual(['stored'])
  })

  it('does not wait where waiting would fill memory further', async () => {
    const { budget, answers, push } = await writer()
    budget.add('heads', REFUSE_BYTES)
    await push()
    expect(answers).toEqual(['stored'])
  })
})

describe('a push behind records that the log does not acknowledge', () => {
  it('is answered in time, unpublished', async () => {
    const { test, wal, answers, push } = await writer()
    const ends: Array<() => void> = []
    wal.append = () => new Promise((_, reject) => void ends.push(() => reject(new Error('no answer'))))
    for (let i = 0; i < 6; i++) await push()
    const published = ends.length
    expect(published).toBeLessThan(6)
    await test.clock.run(5_000)
    ends[0]!()
    await settle(test)
    expect(ends).toHaveLength(published)
    expect(answers.filter((answer) => answer.includes('wal.append_timeout'))).toHaveLength(6 - published)
  })
})

describe('pushes that wait for records under way', () => {
  it('gather in records of half a megabyte, which a log server takes as it is configured', async () => {
    const { test, wal, answers, push } = await writer()
    const sizes: number[] = []
    const ends: Array<() => void> = []
    wal.append = (_partition, _id, record) => (sizes.push(record.length), new Promise((resolve) => void ends.push(() => resolve(ends.length))))
    const [count, bytes] = [20, 100_000]
    for (let i = 0; i < count; i++) await push(bytes)
    const alone = sizes.length
    while (answers.length < count) {
      ends.splice(0).forEach((end) => end())
      await settle(test)
    }
    expect(sizes.slice(0, alone).every((size) => size < 2 * bytes)).toBe(true)
    expect(Math.max(...sizes)).toBeGreaterThan(2 * bytes)
    expect(Math.max(...sizes)).toBeLessThan(600_000)
    expect(answers).toEqual(Array.from({ length: count }, () => 'stored'))
  })
})
