/**
 * One budget of bytes for a node (W4): what heads, mailboxes, encoders, caches and queries hold is counted here, and the sum decides what gives
 * way. Partitions and the gateway ask for the level, queries and caches ask before they take. Pure bookkeeping: it allocates and frees nothing.
 */

export const MEMORY_PARTS = ['heads', 'mailboxes', 'encoders', 'caches', 'queries'] as const
export type MemoryPart = (typeof MEMORY_PARTS)[number]

/** `flush`: cut and flush early; `stop`: also stop pulling from the log; `refuse`: also refuse pushes and queries (`over_memory`). */
export const MEMORY_LEVELS = ['ok', 'flush', 'stop', 'refuse'] as const
export type MemoryLevel = (typeof MEMORY_LEVELS)[number]

/** Shares of the budget at which each level begins. */
const LEVEL_SHARE: Readonly<Record<MemoryLevel, number>> = { ok: 0, flush: 0.6, stop: 0.8, refuse: 0.95 }
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
  readonly #used: Record<MemoryPart, number> = { heads: 0, mailboxes: 0, encoders: 0, caches: 0, queries: 0 }
  readonly #listeners = new Set<(level: MemoryLevel) => void>()
  #total = 0
  #level: MemoryLevel = 'ok'

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /** What has been allocated already; always succeeds. Throws when a part would hold less than nothing. */
  add(part: MemoryPart, deltaBytes: number): void {
    const bytes = this.#used[part] + deltaBytes
    if (!(bytes >= 0)) throw new Error(`memory budget: ${part} would hold ${bytes} bytes`)
    this.#used[part] = bytes
    this.#total += deltaBytes
    this.#settle()
  }

  /** Takes the bytes unless the level `refuse` would be reached; the caller gives them back by closing the account. */
  tryHold(part: MemoryPart, bytes: number): MemoryAccount | null {
    if (this.#total + bytes >= this.bytesMax * LEVEL_SHARE.refuse) return null
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

  /** What gives way at one level gives way at all that are higher. */
  isAtLeast(level: MemoryLevel): boolean {
    return MEMORY_LEVELS.indexOf(this.#level) >= MEMORY_LEVELS.indexOf(level)
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

  #settle(): void {
    const level = this.#levelFor(this.#total)
    if (level === this.#level) return
    this.#level = level
    for (const listen of this.#listeners) listen(level)
  }

  /** The highest level whose watermark is reached, or still held by its release mark. */
  #levelFor(total: number): MemoryLevel {
    const now = MEMORY_LEVELS.indexOf(this.#level)
    return MEMORY_LEVELS.findLast((level, i) => total >= this.bytesMax * LEVEL_SHARE[level] * (i <= now ? RELEASE_SHARE : 1)) ?? 'ok'
  }
}
