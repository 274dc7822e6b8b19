/** Wall clocks that are wrong: those of two nodes are minutes apart, or one goes back by a day under a running node. No line is lost or refused for it, no lease moves (R1, F3, W1). */
import { readdir } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SystemClock } from '../../runtime/clock-system.ts'
import { linesOf, nowNs, push, query, until } from '../support/node.ts'
import { flushed, NodeGroup } from '../support/node-group.ts'

let group: NodeGroup
beforeEach(async () => {
  group = await NodeGroup.start()
})
afterEach(() => group.stop())

/** A machine whose date is wrong; its timers run as anybody's. */
class WrongDate extends SystemClock {
  skewMs: number

  constructor(skewMs: number) {
    super()
    this.skewMs = skewMs
  }

  override nowMs(): number {
    return super.nowMs() + this.skewMs
  }
}

describe('clocks five minutes apart', () => {
  it('move no lease, and lose no line', async () => {
    const [slow, fast] = [await group.add('slow', { clock: new WrongDate(-150_000) }), await group.add('fast', { clock: new WrongDate(150_000) })]
    const owners = async (): Promise<string[]> => {
      const ring = (await (await fetch(`${slow.url}/ring?format=json`)).json()) as { partitions: Array<{ owner: string; epoch: number }> }
      return ring.partitions.map(({ owner, epoch }) => `${owner} ${epoch}`)
    }
    await until('both own a partition', async () => new Set((await owners()).map((owner) => owner.split(' ')[0])).size === 2)
    const before = await owners()
    const lines: string[] = []
    for (let i = 0; i < 40; i++) {
      const node = i % 2 === 0 ? slow : fast
      expect((await push(node.url, { app: 'skew', n: String(i % 8) }, [[nowNs(), `line ${i}`]])).status).toBe(204)
      lines.push(`line ${i}`)
      if (i === 20) await Promise.all([flushed(slow), flushed(fast)])
    }
    const range = { start: String(nowNs() - 600_000_000_000n), end: String(nowNs() + 600_000_000_000n) }
    for (const node of [slow, fast]) expect(linesOf(await query(node.url, '{app="skew"}', range))).toEqual(lines.toSorted())
    expect(await owners()).toEqual(before)
  })
})

describe('a clock that goes back by a day', () => {
  it('stops neither pushes at their rate nor flushes of what is idle', async () => {
    const clock = new WrongDate(0)
    const environment = { SKALD_PARTITIONS: '1', SKALD_LIMITS_CONFIG_INGESTION_RATE_MB: '0.002', SKALD_LIMITS_CONFIG_INGESTION_BURST_SIZE_MB: '0.002', SKALD_INGESTER_CHUNK_IDLE_PERIOD: '1s' }
    const node = await group.add('a', { clock, environment })
    const dayMs = 86_400_000
    const lines: string[] = []
    const pushed = async (): Promise<boolean> => {
      const line = `${lines.length} `.padEnd(1_500, 'x')
      const { status } = await push(node.url, { app: 'back' }, [[nowNs() + BigInt(clock.skewMs) * 1_000_000n, line]])
      if (status === 204) lines.push(line)
      return status === 204
    }
    expect(await pushed()).toBe(true)
    clock.skewMs = -dayMs
    await until('what is idle is stored', async () => (await readdir(group.objects, { recursive: true })).some((name) => name.endsWith('.seg')), 10_000)
    for (let i = 0; i < 3; i++) await until('a push is taken', pushed, 5_000)
    const range = { start: String(nowNs() - BigInt(dayMs + 600_000) * 1_000_000n), end: String(nowNs() + 600_000_000_000n) }
    expect(linesOf(await query(node.url, '{app="back"}', range))).toEqual(lines.toSorted())
  })
})
