/** F1-F3: a flush interrupted before any of its steps, by the end of the whole node, loses and doubles nothing. */
import * as Effect from 'effect/Effect'
import { afterEach, describe, expect, it } from 'vitest'
import type { FlushStep } from '../../actors/flush/flusher.ts'
import { linesOf, nowNs, push, query, startTestNode, until, type TestNode } from '../support/node.ts'

const STEPS: ReadonlyArray<FlushStep> = ['encode', 'put', 'commit', 'purge', 'done']

describe('a flush that ends before step', () => {
  let node: TestNode | null = null
  afterEach(() => node?.remove())

  it.each(STEPS)('%s (F1, F2, F3)', async (step) => {
    let stuckAt: FlushStep | null = null
    node = await startTestNode({
      // Never returns: the flush is where a kill finds it, and stopping the node interrupts it.
      flushFaultPoint: (at) => (at === step && stuckAt === null ? Effect.andThen(Effect.sync(() => void (stuckAt = at)), Effect.never) : Effect.void),
    })
    const at = nowNs()
    const lines = Array.from({ length: 50 }, (_, i) => `line ${i}`).sort()
    await push(node.url, { app: 'steps' }, lines.map((line, i) => [at + BigInt(i), line]))
    void fetch(`${node.url}/flush`, { method: 'POST' }).catch(() => undefined)
    await until('the flush gets to its step', async () => stuckAt === step)
    expect(linesOf(await query(node.url, '{app="steps"}'))).toEqual(lines)
    await node.restart()
    expect(linesOf(await query(node.url, '{app="steps"}'))).toEqual(lines)
    expect((await fetch(`${node.url}/flush`, { method: 'POST' })).status).toBe(204)
    expect(linesOf(await query(node.url, '{app="steps"}'))).toEqual(lines)
  })
})
