/**
 * What one execution of a template may cost. A template comes from whoever may query, and runs once a line: it must end soon, whatever it says.
 */
import { TemplateError } from './values.ts'

/** Nodes run and values ranged over, one execution: a few milliseconds. */
const STEPS_MAX = 100_000
/** Characters that one execution may make and hand to functions, all intermediate strings counted: a long line may be worked on some dozen times. */
const BYTES_MAX = 8 * 1024 * 1024
/** Templates calling templates. */
export const CALL_DEPTH_MAX = 100

export class Budget {
  #steps = 0
  #bytes = 0

  reset(): void {
    this.#steps = 0
    this.#bytes = 0
  }

  step(count = 1): void {
    this.#steps += count
    if (this.#steps > STEPS_MAX) throw new TemplateError(`template runs for more than ${STEPS_MAX} steps a line`)
  }

  /** Called before a string of this length is made. */
  bytes(count: number): void {
    this.#bytes += count
    if (this.#bytes > BYTES_MAX) throw new TemplateError(`template makes more than ${BYTES_MAX} bytes a line`)
  }
}
