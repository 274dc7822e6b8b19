import { describe, expect, it } from 'vitest'
import { FairQueue } from '../../../actors/query/fair-queue.ts'
import { ManualClock } from '../../../runtime/clock-manual.ts'

const never = new AbortController().signal

/** A queue whose work is finished by hand, in the order that it began. */
function harness(runningMax: number, waitingMax: number) {
  const queue = new FairQueue(new ManualClock(), runningMax, waitingMax)
  const begun: string[] = []
  const finish = new Map<string, () => void>()
  const ask = (asker: string, name: string, signal = never): Promise<string> =>
    queue.run(asker, signal, () => {
      begun.push(name)
      return new Promise((resolve) => finish.set(name, () => resolve(name)))
    })
  const begin = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await Promise.resolve()
  }
  const settle = async (name: string): Promise<void> => {
    await begin()
    finish.get(name)!()
    await begin()
  }
  return { queue, begun, ask, begin, settle }
}

describe('a fair queue', () => {
  it('runs only so many at once, and takes turns between those who ask', async () => {
    const { begun, ask, begin, settle } = harness(1, 10)
    const all = [ask('busy', 'b1'), ask('busy', 'b2'), ask('busy', 'b3'), ask('quiet', 'q1')]
    await begin()
    expect(begun).toEqual(['b1'])
    await settle('b1')
    await settle('b2')
    await settle('q1')
    await settle('b3')
    expect(begun).toEqual(['b1', 'b2', 'q1', 'b3'])
    expect(await Promise.all(all)).toEqual(['b1', 'b2', 'b3', 'q1'])
  })

  it('refuses what is beyond an asker’s share, and names the setting', async () => {
    const { ask, settle } = harness(1, 1)
    const first = ask('a', '1')
    const second = ask('a', '2')
    await expect(ask('a', '3')).rejects.toMatchObject({ code: 'too_many_requests', message: expect.stringContaining('querier.max_outstanding_per_tenant') })
    const other = ask('b', '4')
    await settle('1')
    await settle('2')
    await settle('4')
    expect(await Promise.all([first, second, other])).toEqual(['1', '2', '4'])
  })

  it('forgets at once who leaves while waiting', async () => {
    const { queue, begun, ask, settle } = harness(1, 10)
    const first = ask('a', '1')
    const leaving = new AbortController()
    const left = ask('a', '2', leaving.signal)
    leaving.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    expect(queue.waiting).toBe(0)
    await settle('1')
    await first
    expect(begun).toEqual(['1'])
  })

  it('wastes no turn on who has left', async () => {
    const { begun, ask, settle } = harness(1, 10)
    const leaving = new AbortController()
    const first = ask('a', '1')
    const left = ask('b', '2', leaving.signal)
    const last = ask('c', '3')
    leaving.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    await settle('1')
    expect(begun).toEqual(['1', '3'])
    await settle('3')
    expect(await Promise.all([first, last])).toEqual(['1', '3'])
  })

  it('goes on after work that failed', async () => {
    const queue = new FairQueue(new ManualClock(), 1, 10)
    const failed = queue.run('a', never, () => Promise.reject(new Error('broken')))
    const next = queue.run('a', never, () => Promise.resolve('fine'))
    await expect(failed).rejects.toThrow('broken')
    expect(await next).toBe('fine')
  })
})
