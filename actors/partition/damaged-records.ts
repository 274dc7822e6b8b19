/**
 * Records of the log of which not all can be read: put into the bucket whole, as they were logged, and tried until that succeeds. Until then the partition does not cut, so
 * that the log keeps them. Told of them by `partition-apply.ts`, which leaves them out of answers; no node reads them back.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { Sequence } from '../../protocols/model.ts'
import type { Services } from '../services.ts'

const RETRY_MS = 1_000

export class DamagedRecords {
  readonly #services: Services
  readonly #partition: number
  #pending = 0
  #newest: Sequence = 0
  #isClosed = false

  constructor(services: Services, partition: number) {
    this.#services = services
    this.#partition = partition
  }

  get arePending(): boolean {
    return this.#pending > 0
  }

  /** Once a record, in the order of the log; `raw` is copied. */
  async keep(sequence: Sequence, raw: Buffer, reason: string): Promise<void> {
    if (sequence <= this.#newest) return
    this.#newest = sequence
    const { log, metrics, clock, keepDamaged } = this.#services
    const facts = { partition: this.#partition, sequence, reason }
    const record = Buffer.from(raw)
    this.#pending++
    metrics.walDamaged.inc({ partition: this.#partition })
    log.error('a record of the log cannot be read and is left out of answers', facts)
    while (!this.#isClosed) {
      try {
        const keptAs = await keepDamaged(this.#partition, sequence, record)
        log.error('the record that cannot be read is kept aside', { ...facts, keptAs })
        this.#pending--
        return
      } catch (error) {
        log.warn('a record that cannot be read could not be kept aside, will be repeated', { ...facts, error: error instanceof SkaldError ? error.message : String(error) })
        await clock.sleep(RETRY_MS)
      }
    }
  }

  close(): void {
    this.#isClosed = true
  }
}
