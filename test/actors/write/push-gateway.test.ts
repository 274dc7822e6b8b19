/** Where pushes come in: with memory short (W4), with ids; the rest of the gateway is shown over HTTP and NATS in test/integration. */
import { expect, it } from 'vitest'
import { makePushGateway } from '../../../actors/write/push-gateway.ts'
import type { Services } from '../../../actors/services.ts'
import type { TenantId } from '../../../protocols/model.ts'
import { MemoryBudget } from '../../../storage/memory-budget.ts'

const SIZES = { bodyBytesMax: 50, decompressedBytesMax: 50 }

it('takes the memory of a body before it is read, refuses over the budget, and takes bodies again when there is room to spare', () => {
  const budget = new MemoryBudget(1_000)
  const gateway = makePushGateway({ budget } as unknown as Services, SIZES, undefined as never)
  budget.add('heads', 900)
  const body = gateway.receive(40)
  expect(budget.usedBytes('mailboxes')).toBe(40)
  expect(() => gateway.receive(40)).toThrow(expect.objectContaining({ code: 'over_memory', status: 503, retryAfterS: 1 }))
  budget.add('heads', 50)
  // Just under the bound is not enough: nodes would take and refuse by turns.
  budget.add('heads', -60)
  body.close()
  expect(() => gateway.receive(1)).toThrow('memory.budget')
  budget.add('heads', -50)
  const largest = gateway.receive(1_000_000)
  expect(largest.bytes).toBe(SIZES.bodyBytesMax)
  largest.close()
  expect(budget.usedBytes('mailboxes')).toBe(0)
})

it('refuses an id that is longer than what is remembered of it, and says so', async () => {
  const gateway = makePushGateway({ budget: new MemoryBudget(1_000) } as unknown as Services, SIZES, undefined as never)
  const request = { tenant: 't' as TenantId, kind: 'loki', content: { body: Buffer.alloc(0), contentType: '', contentEncoding: '' }, traceParent: '' } as const
  expect(await gateway.push({ ...request, pushId: 'x'.repeat(257) })).toEqual({ status: 400, message: 'push id of 257 characters is longer than 256' })
  expect((await gateway.push({ ...request, pushId: 'x'.repeat(256) })).message).not.toContain('push id')
})
