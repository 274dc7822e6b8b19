/**
 * Facts about streams as bytes (V8's structured clone format), the way they leave the thread that found them; the event loop passes them on without looking inside, as
 * it does with partial answers (`encoded-partial.ts`). Read where answers are made.
 */
import { deserialize, serialize } from 'node:v8'
import { SkaldError } from '../../runtime/errors.ts'
import type { SeriesFacts } from '../../storage/segment-select.ts'
import { isWithin, MergedSeries } from '../../storage/series-facts.ts'
import type { SeriesQuestion } from './segment-work.ts'

export interface EncodedSeries {
  readonly bytes: Uint8Array
  readonly count: number
  readonly lineBytes: number
}

export const decodeSeries = (bytes: Uint8Array): SeriesFacts[] => deserialize(bytes) as SeriesFacts[]

/** Gathers what a question asks for, from one place after the other. */
export class SeriesAnswerBuilder {
  readonly #question: SeriesQuestion
  readonly #apart: SeriesFacts[] = []
  readonly #merged = new MergedSeries()

  constructor(question: SeriesQuestion) {
    this.#question = question
  }

  /** Throws `query_limit` when the parts are more than are asked for. */
  add(parts: ReadonlyArray<SeriesFacts>): void {
    const { within, partsMax } = this.#question
    for (const facts of parts) {
      if (within !== null && !isWithin(facts, within)) continue
      if (partsMax === null) this.#merged.add(facts)
      else this.#apart.push(facts)
    }
    if (partsMax !== null) checkParts(this.#apart.length, partsMax)
  }

  encoded(): EncodedSeries {
    const found = this.#question.partsMax === null ? this.#merged.all() : this.#apart
    return { bytes: serialize(found), count: found.length, lineBytes: found.reduce((sum, { lineBytes }) => sum + lineBytes, 0) }
  }
}

export function checkParts(count: number, partsMax: number): void {
  if (count > partsMax) throw new SkaldError('query_limit', `the streams asked for have more than the ${partsMax} parts in segments and in memory that a volume range with such a step may add up; increase the step or narrow the query`)
}
