import { describe, expect, it } from 'vitest'
import { Coalescer } from '../../../actors/query/query-coalescing.ts'

const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

function asker(coalescer: Coalescer<string>) {
  const starts: Array<{ signal: AbortSignal; reads: () => void; done: (answer: string) => void; fail: (error: Error) => void }> = []
  const ask = (key: string, signal = new AbortController().signal): Promise<string> =>
    coalescer.run(key, signal, (own, reads) => new Promise((done, fail) => starts.push({ signal: own, reads, done, fail })))
  return { starts, ask }
}

describe('coalescing of equal queries', () => {
  it('runs equal ones once and different ones each', async () => {
    const { starts, ask } = asker(new Coalescer())
    const answers = [ask('a'), ask('a'), ask('b')]
    await settle()
    expect(starts).toHaveLength(2)
    starts[0]!.done('A')
    starts[1]!.done('B')
    expect(await Promise.all(answers)).toEqual(['A', 'A', 'B'])
  })

  it('runs again once the answer is out (Q2: later pushes are seen)', async () => {
    const { starts, ask } = asker(new Coalescer())
    const first = ask('a')
    await settle()
    starts[0]!.done('old')
    await first
    await settle()
    const second = ask('a')
    await settle()
    expect(starts).toHaveLength(2)
    starts[1]!.done('new')
    expect(await second).toBe('new')
  })

  it('gives whoever comes when a run reads already the answer of the next, which begins when the first is over (Q2)', async () => {
    const { starts, ask } = asker(new Coalescer())
    const answers = [ask('a'), ask('a')]
    await settle()
    starts[0]!.reads()
    const later = [ask('a'), ask('a')]
    await settle()
    expect(starts).toHaveLength(1)
    starts[0]!.done('old')
    expect(await Promise.all(answers)).toEqual(['old', 'old'])
    await settle()
    expect(starts).toHaveLength(2)
    starts[1]!.done('new')
    expect(await Promise.all(later)).toEqual(['new', 'new'])
  })

  it('does not begin the next run for somebody who has left, and begins it when the one before failed', async () => {
    const { starts, ask } = asker(new Coalescer())
    const first = ask('a')
    await settle()
    starts[0]!.reads()
    const [gone, here] = [new AbortController(), new AbortController()]
    const leaves = ask('a', gone.signal)
    gone.abort(new Error('left'))
    await expect(leaves).rejects.toThrow('left')
    const stays = ask('a', here.signal)
    starts[0]!.fail(new Error('broken'))
    await expect(first).rejects.toThrow('broken')
    await settle()
    expect(starts).toHaveLength(2)
    starts[1]!.done('new')
    expect(await stays).toBe('new')
  })

  it('goes on while somebody still waits, and is cancelled when the last one leaves', async () => {
    const { starts, ask } = asker(new Coalescer())
    const [one, two] = [new AbortController(), new AbortController()]
    const answers = [ask('a', one.signal), ask('a', two.signal)]
    await settle()
    one.abort(new Error('one left'))
    await expect(answers[0]).rejects.toThrow('one left')
    expect(starts[0]!.signal.aborted).toBe(false)
    two.abort(new Error('two left'))
    await expect(answers[1]).rejects.toThrow('two left')
    expect(starts[0]!.signal.aborted).toBe(true)
  })

  it('tells everybody of a failure, and keeps none', async () => {
    const { starts, ask } = asker(new Coalescer())
    const answers = [ask('a'), ask('a')]
    await settle()
    starts[0]!.fail(new Error('broken'))
    for (const answer of answers) await expect(answer).rejects.toThrow('broken')
    await settle()
    void ask('a').catch(() => undefined)
    await settle()
    expect(starts).toHaveLength(2)
  })
})
