/**
 * A question to somebody who may not be there yet, or be slow: it is put again every so often, no asking is given up for the next, and the first answer counts. A JetStream stream that
 * is electing its leader drops questions without a word, so whoever asks in this way has the answer a moment after the election, and on a busy machine with the first asking. Used by
 * the JetStream WAL and by KV's reads.
 */
import type { Clock, Timer } from './clock.ts'

export interface RepeatedAskTerms {
  readonly clock: Pick<Clock, 'after'>
  readonly everyMs: number
  /** Askings at most, the first included. */
  readonly times: number
  /** Whether nobody has answered; any other error is an answer. */
  readonly isSilence: (error: unknown) => boolean
}

/** Rejects with the first error that is no silence, or with silence when all askings met with it. */
export function askRepeatedly<A>({ clock, everyMs, times, isSilence }: RepeatedAskTerms, ask: () => Promise<A>): Promise<A> {
  return new Promise((resolve, reject) => {
    let asked = 0
    let silent = 0
    let next: Timer | undefined
    const answered = (answer: A): void => {
      next?.cancel()
      resolve(answer)
    }
    const failed = (error: unknown): void => {
      if (isSilence(error) && ++silent < times) return
      next?.cancel()
      reject(error)
    }
    const put = (): void => {
      if (++asked < times) next = clock.after(everyMs, put)
      ask().then(answered, failed)
    }
    put()
  })
}
