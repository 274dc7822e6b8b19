/** W4: with memory short, pushes wait a moment for room instead of being read from the log and decoded again. */
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
  /** Answers of pushes so far. */
  readonly answers: string[]
  push(): Promise<void>
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
  const item = { tenant: 't' as TenantId, pushId: '', receivedMs: 1, labels: ['{app="a"}'], compressedBody: Buffer.from('x'), bodyBytes: batch.body.length }
  return {
    test, budget, answers,
    async push() {
      const decoded = { tenant: 't', pushId: '', receivedMs: 1, labels: ['{app="a"}'], batch, memory: new BatchMemory(batch) }
      ref.tell({ kind: 'write', write: { item, decoded, traceParent: '' }, reply: { succeed: () => void answers.push('stored'), fail: (error) => void answers.push(String(error)) } })
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
