/**
 * One budget of bytes for a node (W4): what heads, mailboxes, encoders, caches and queries hold is counted here, and the sum decides what gives
 * way. Partitions and the gateway ask for the level, queries and caches ask before they take. Pure bookkeeping: it allocates and frees nothing.
 */

export const MEMORY_PARTS = ['heads', 'mailboxes', 'encoders', 'caches', 'queries'] as const
export type MemoryPart = (typeof MEMORY_PARTS)[number]

/** `flush`: cut and flush early; `stop`: also stop pulling from the log; `refuse`: also refuse pushes and queries (`over_memory`). */
export const MEMORY_LEVELS = ['ok', 'flush', 'stop', 'refuse'] as const
export type MemoryLevel = (typeof MEMORY_LEVELS)[number]

export interface MemoryLimits {
  readonly bytesMax: number
  /** Fractions of `bytesMax` at which a level begins; defaults 0.6, 0.8, 0.95. */
  readonly flushAt?: number
  readonly stopAt?: number
  readonly refuseAt?: number
  /** A part's own limit for `tryTake`, bytes. */
  readonly partBytesMax?: Partial<Record<MemoryPart, number>>
}

/** A level ends only when this share of its watermark is reached again, so that nodes do not stop and start at every record. */
const RELEASE_SHARE = 0.9

/** The bytes of one holder, so that a holder that crashes can be written off in one call. */
export interface MemoryAccount {
  readonly bytes: number
  set(bytes: number): void
  add(deltaBytes: number): void
  /** Gives everything back. Idempotent. */
  close(): void
}

export class MemoryBudget {
  readonly bytesMax: number
  readonly #partBytesMax: Partial<Record<MemoryPart, number>>
  /** Where each level begins, in bytes; `ok` at 0. */
  readonly #watermarks: Readonly<Record<MemoryLevel, number>>
  readonly #used: Record<MemoryPart, number> = { heads: 0, mailboxes: 0, encoders: 0, caches: 0, queries: 0 }
  readonly #listeners = new Set<(level: MemoryLevel) => void>()
  #total = 0
  #level: MemoryLevel = 'ok'

  constructor(limits: MemoryLimits) {
    const { bytesMax, flushAt = 0.6, stopAt = 0.8, refuseAt = 0.95 } = limits
    if (!(bytesMax > 0 && flushAt <= stopAt && stopAt <= refuseAt)) throw new Error('memory watermarks must rise: flush, stop, refuse')
    this.bytesMax = bytesMax
    this.#partBytesMax = limits.partBytesMax ?? {}
    this.#watermarks = { ok: 0, flush: bytesMax * flushAt, stop: bytesMax * stopAt, refuse: bytesMax * refuseAt }
  }

  /** What has been allocated already; always succeeds. Throws when a part would hold less than nothing. */
  add(part: MemoryPart, deltaBytes: number): void {
    const bytes = this.#used[part] + deltaBytes
    if (!(bytes >= 0)) throw new Error(`memory budget: ${part} would hold ${bytes} bytes`)
    this.#used[part] = bytes
    this.#total += deltaBytes
    this.#settle()
  }

  /** Takes the bytes if neither the part's limit nor the level `refuse` would be reached; the caller gives them back with `add(part, -bytes)`. */
  tryTake(part: MemoryPart, bytes: number): boolean {
    const fits = this.#fits(part, bytes)
    if (fits) this.add(part, bytes)
    return fits
  }

  /** As `tryTake`, with an account to give it back by. */
  tryHold(part: MemoryPart, bytes: number): MemoryAccount | null {
    if (!this.#fits(part, bytes)) return null
    const held = this.account(part)
    held.set(bytes)
    return held
  }

  account(part: MemoryPart): MemoryAccount {
    let held = 0
    const add = (deltaBytes: number): void => {
      if (held + deltaBytes < 0) throw new Error(`memory budget: an account of ${part} would hold ${held + deltaBytes} bytes`)
      this.add(part, deltaBytes)
      held += deltaBytes
    }
    return {
      get bytes() {
        return held
      },
      add,
      set: (bytes) => add(bytes - held),
      close: () => add(-held),
    }
  }

  level(): MemoryLevel {
    return this.#level
  }

  /** Of one part, or of all. */
  usedBytes(part?: MemoryPart): number {
    return part === undefined ? this.#total : this.#used[part]
  }

  /** Told at every change of level, in the call that caused it: only note it there, do not allocate. */
  onLevel(listen: (level: MemoryLevel) => void): () => void {
    this.#listeners.add(listen)
    return () => void this.#listeners.delete(listen)
  }

  #fits(part: MemoryPart, bytes: number): boolean {
    return this.#used[part] + bytes <= (this.#partBytesMax[part] ?? Number.POSITIVE_INFINITY) && this.#total + bytes < this.#watermarks.refuse
  }

  #settle(): void {
    const level = this.#levelFor(this.#total)
    if (level === this.#level) return
    this.#level = level
    for (const listen of this.#listeners) listen(level)
  }

  /** The highest level whose watermark is reached, or still held by its release mark. */
  #levelFor(total: number): MemoryLevel {
    const now = MEMORY_LEVELS.indexOf(this.#level)
    return MEMORY_LEVELS.findLast((level, i) => total >= this.#watermarks[level] * (i <= now ? RELEASE_SHARE : 1)) ?? 'ok'
  }
}
