import { describe, expect, it } from 'vitest'
import { FreshAnswers } from '../../storage/fresh-answers.ts'

describe('fresh answers', () => {
  /** Questions that are answered by hand, in the order in which they were put. */
  const asked = (): { answers: FreshAnswers<number>; put: Array<PromiseWithResolvers<number>> } => {
    const put: Array<PromiseWithResolvers<number>> = []
    const answers = new FreshAnswers(() => {
      const question = Promise.withResolvers<number>()
      put.push(question)
      return question.promise
    })
    return { answers, put }
  }

  it('gives whoever comes during a question the answer of the next, and all of them the same', async () => {
    const { answers, put } = asked()
    const first = answers.ask()
    const later = [answers.ask(), answers.ask()]
    expect(put).toHaveLength(1)
    put[0]!.resolve(1)
    expect(await first).toBe(1)
    await Promise.resolve()
    expect(put).toHaveLength(2)
    put[1]!.resolve(2)
    expect(await Promise.all(later)).toEqual([2, 2])
  })

  it('asks anew each time when nothing is under way', async () => {
    const { answers, put } = asked()
    for (const value of [1, 2]) {
      const answer = answers.ask()
      put[value - 1]!.resolve(value)
      expect(await answer).toBe(value)
    }
  })

  it('fails those who share a question that failed, and no others', async () => {
    const { answers, put } = asked()
    const first = answers.ask()
    const second = answers.ask()
    put[0]!.reject(new Error('lost'))
    await expect(first).rejects.toThrow('lost')
    put[1]!.resolve(2)
    expect(await second).toBe(2)
  })
})
