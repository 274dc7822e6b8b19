import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { askRepeatedly } from '../../runtime/repeated-ask.ts'

const SILENCE = new Error('silence')

function asking(times = 3) {
  const clock = new ManualClock()
  const put: Array<PromiseWithResolvers<string>> = []
  const answer = askRepeatedly({ clock, everyMs: 100, times, isSilence: (error) => error === SILENCE }, () => {
    const question = Promise.withResolvers<string>()
    put.push(question)
    return question.promise
  })
  return { clock, put, answer }
}

describe('a question that is repeated', () => {
  it('is put once when it is answered in time', async () => {
    const { clock, put, answer } = asking()
    put[0]!.resolve('yes')
    expect(await answer).toBe('yes')
    await clock.run(1_000)
    expect(put).toHaveLength(1)
  })

  it('is put again every so often, and has the answer of whichever asking is answered first', async () => {
    const { clock, put, answer } = asking()
    await clock.run(250)
    expect(put).toHaveLength(3)
    put[0]!.reject(SILENCE)
    put[2]!.resolve('late')
    expect(await answer).toBe('late')
  })

  it('takes the answer to the first asking when that was only slow', async () => {
    const { clock, put, answer } = asking()
    await clock.run(250)
    put[0]!.resolve('slow')
    expect(await answer).toBe('slow')
  })

  it('fails when every asking met with silence, and at once with an error that is an answer', async () => {
    const silent = asking(2)
    await silent.clock.run(100)
    for (const { reject } of silent.put) reject(SILENCE)
    await expect(silent.answer).rejects.toBe(SILENCE)
    const refused = asking()
    refused.put[0]!.reject(new Error('no such stream'))
    await expect(refused.answer).rejects.toThrow('no such stream')
    await refused.clock.run(1_000)
    expect(refused.put).toHaveLength(1)
  })
})
