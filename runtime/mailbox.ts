/**
 * A bounded mailbox: two rings in plain arrays, `high` before `normal`, limited by messages and by bytes. It refuses when full and never
 * drops; supervision does not pass through it. Hot path: an idle actor's mailbox holds one small array, or none before its first message.
 */
import type { MailboxLimits } from './actor.ts'

export const MAILBOX_LIMITS_DEFAULT: MailboxLimits = { messagesMax: 4096, bytesMax: 64 << 20 }

/** Slots of a ring that was never busy; a power of two. */
const SLOTS_MIN = 16
/** A drained ring larger than this gives its memory back. */
const SLOTS_KEPT_MAX = 64

/** Messages and their byte counts, interleaved in one array so that a message costs no object. */
class Ring<M> {
  #slots: Array<M | number | undefined> = []
  #head = 0
  #length = 0

  get length(): number {
    return this.#length >> 1
  }

  push(message: M, bytes: number): void {
    if (this.#length === this.#slots.length) this.#grow()
    const mask = this.#slots.length - 1
    const at = (this.#head + this.#length) & mask
    this.#slots[at] = message
    this.#slots[at + 1] = bytes
    this.#length += 2
  }

  /** The byte count of the oldest message; the ring must not be empty. */
  firstBytes(): number {
    return this.#slots[this.#head + 1] as number
  }

  /** Takes the oldest message; the ring must not be empty. */
  shift(): M {
    const message = this.#slots[this.#head] as M
    this.#slots[this.#head] = undefined
    this.#head = (this.#head + 2) & (this.#slots.length - 1)
    this.#length -= 2
    if (this.#length === 0 && this.#slots.length > SLOTS_KEPT_MAX) {
      this.#slots = []
      this.#head = 0
    }
    return message
  }

  #grow(): void {
    const old = this.#slots
    const slots: Array<M | number | undefined> = []
    for (let i = 0; i < this.#length; i++) slots.push(old[(this.#head + i) & (old.length - 1)])
    for (let free = Math.max(SLOTS_MIN, old.length); free > 0; free--) slots.push(undefined)
    this.#slots = slots
    this.#head = 0
  }
}

export class Mailbox<M> {
  readonly #limits: MailboxLimits
  readonly #normal = new Ring<M>()
  #high: Ring<M> | undefined
  #count = 0
  #bytes = 0

  constructor(limits: MailboxLimits) {
    this.#limits = limits
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** False when the message does not fit. */
  offer(message: M, bytes: number, isHigh: boolean): boolean {
    if (this.#count >= this.#limits.messagesMax || this.#bytes + bytes > this.#limits.bytesMax) return false
    this.force(message, bytes, isHigh)
    return true
  }

  /** Takes it in whatever the limits say: for notices that must arrive, such as the end of a watched actor. */
  force(message: M, bytes: number, isHigh: boolean): void {
    if (isHigh) (this.#high ??= new Ring<M>()).push(message, bytes)
    else this.#normal.push(message, bytes)
    this.#count++
    this.#bytes += bytes
  }

  /** Takes the next message; the mailbox must not be empty. */
  take(): M {
    const ring = this.#high !== undefined && this.#high.length > 0 ? this.#high : this.#normal
    this.#count--
    this.#bytes -= ring.firstBytes()
    return ring.shift()
  }
}
