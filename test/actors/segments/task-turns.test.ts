import { describe, expect, it } from 'vitest'
import { TaskTurns } from '../../../actors/segments/task-turns.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

/** Tasks that end when the test says so, having taken as long as it says. */
function harness(runningMax: number, firstsMax = 100) {
  const clock = new ManualClock()
  const turns = new TaskTurns(clock, { runningMax, firstsMax })
  const begun: string[] = []
  const finish = new Map<string, () => void>()
  const ask = (tenant: string, query: AbortController, name: string, suits?: () => boolean): Promise<string> => {
    const task = (): Promise<string> => {
      begun.push(name)
      return new Promise((resolve) => finish.set(name, () => resolve(name)))
    }
    return turns.run(tenant, query.signal, task, suits)
  }
  const end = async (name: string, tookMs: number): Promise<void> => {
    await clock.advance(tookMs)
    finish.get(name)!()
    await settle()
  }
  return { begun, ask, end }
}

describe('turns of scan tasks', () => {
  it('go to the query that used the threads least', async () => {
    const { begun, ask, end } = harness(2)
    const [large, small] = [new AbortController(), new AbortController()]
    for (const name of ['l1', 'l2', 'l3', 'l4']) void ask('t', large, name)
    await settle()
    await end('l1', 100)
    for (const name of ['s1', 's2']) void ask('t', small, name)
    await settle()
    expect(begun).toEqual(['l1', 'l2', 'l3', 's1'])
    await end('s1', 1)
    expect(begun.slice(4)).toEqual(['s2'])
    await end('l2', 50)
    await end('s2', 1)
    expect(begun.slice(5)).toEqual(['l4'])
  })

  it('go to the task of a query that suits at the moment, else to the one that waits longest', async () => {
    const { begun, ask, end } = harness(1)
    const query = new AbortController()
    let free = 'b'
    for (const name of ['a1', 'a2', 'b1', 'a3', 'b2']) void ask('t', query, name, () => name.startsWith(free))
    await settle()
    await end('a1', 1)
    await end('b1', 1)
    await end('b2', 1)
    free = 'none'
    await end('a2', 1)
    expect(begun).toEqual(['a1', 'b1', 'b2', 'a2', 'a3'])
  })

  it('are shared between tenants before they are between queries', async () => {
    const { begun, ask, end } = harness(3)
    const [first, second, other] = [new AbortController(), new AbortController(), new AbortController()]
    for (const name of ['a1', 'a2', 'a3', 'a4']) void ask('crowd', first, name)
    for (const name of ['b1', 'b2']) void ask('crowd', second, name)
    for (const name of ['c1', 'c2', 'c3']) void ask('alone', other, name)
    await settle()
    expect(begun).toEqual(['a1', 'a2', 'a3', 'b1', 'c1'])
    for (const name of ['a1', 'a2', 'a3']) await end(name, 10)
    expect(begun.slice(5)).toEqual(['c2', 'a4'])
  })

  it('are not saved up by a tenant that was away', async () => {
    const { begun, ask, end } = harness(1, 1)
    const [busy, late] = [new AbortController(), new AbortController()]
    for (const name of ['b1', 'b2', 'b3']) void ask('busy', busy, name)
    await settle()
    await end('b1', 100)
    for (const name of ['l1', 'l2']) void ask('late', late, name)
    await end('b2', 10)
    await end('l1', 20)
    expect(begun).toEqual(['b1', 'b2', 'l1', 'b3'])
  })

  it('go first to queries that have nothing under way, up to a bound', async () => {
    const { begun, ask } = harness(2, 6)
    const queries = Array.from({ length: 7 }, () => new AbortController())
    for (const [i, query] of queries.entries()) for (const n of [1, 2]) void ask('t', query, `${i}.${n}`)
    await settle()
    expect(new Set(begun)).toEqual(new Set(['0.1', '0.2', '1.1', '2.1', '3.1', '4.1']))
  })

  it('are given up by a query that is cancelled', async () => {
    const { begun, ask, end } = harness(1)
    const leaving = new AbortController()
    const staying = new AbortController()
    const [first, second] = [ask('t', leaving, 'x1'), ask('t', leaving, 'x2')]
    await settle()
    leaving.abort(new Error('gone'))
    await expect(second).rejects.toThrow('gone')
    await expect(ask('t', leaving, 'x3')).rejects.toThrow('gone')
    const other = ask('t', staying, 'y1')
    await settle()
    await end('x1', 1)
    await end('y1', 1)
    expect(await Promise.all([first, other])).toEqual(['x1', 'y1'])
    expect(begun).toEqual(['x1', 'y1'])
  })
})
