/**
 * One question that several could answer: they are asked one after the other, the next one when the last has failed or has been silent for a while. The first answer counts,
 * and the others are cancelled. Used for reads of partitions (owner, then standbys) and for scans of segments (another node, then this one).
 */
import type { Clock } from '../../runtime/clock.ts'
import { SkaldError } from '../../runtime/errors.ts'

export interface FirstAnswerTerms {
  readonly clock: Clock
  /** Whoever has not answered for so long is not waited for alone. */
  readonly hedgeMs: number
  /** Ends all of it, with its reason. */
  readonly signal: AbortSignal
  /** Whether nobody else could do better. */
  readonly isFinal: (error: unknown) => boolean
}

/** At least one `asks`. Rejects as the last that failed, or with the first error that is final. */
export function firstAnswer<A>(asks: ReadonlyArray<(signal: AbortSignal) => Promise<A>>, { clock, hedgeMs, signal, isFinal }: FirstAnswerTerms): Promise<A> {
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  return new Promise<A>((resolve, reject) => {
    let failed = 0
    const askFrom = (at: number): void => {
      const ask = asks[at]
      if (ask === undefined || either.aborted) return
      let isNextAsked = false
      const askNext = (): void => {
        hedge.cancel()
        if (!isNextAsked) askFrom(at + 1)
        isNextAsked = true
      }
      const hedge = clock.after(hedgeMs, askNext)
      ask(either).then(
        (answer) => (hedge.cancel(), resolve(answer)),
        (error: unknown) => {
          if (!signal.aborted && !isFinal(error) && ++failed < asks.length) return askNext()
          hedge.cancel()
          reject(signal.aborted ? signal.reason : error)
        },
      )
    }
    askFrom(0)
  }).finally(() => stop.abort(new SkaldError('query_cancelled', 'another node has answered')))
}
