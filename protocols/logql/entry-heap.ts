/**
 * The best `limit` entries seen so far: a heap with the worst on top, so that a full one refuses most rows by one comparison. Used by the log scan.
 * Exact duplicates are let in once.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { TimeNs } from '../model.ts'
import { ANSWER_CHARS_MAX } from './limits.ts'
import { overQueryMemory } from './query-memory.ts'

export interface HeldEntry {
  readonly ns: TimeNs
  readonly line: string
  readonly stream: number
  readonly identity: string
  /** Order of arrival, which decides between equal times. */
  readonly arrival: number
}

export class EntryHeap {
  private readonly limit: number
  private readonly forward: boolean
  private readonly heap: HeldEntry[] = []
  private readonly identities = new Set<string>()
  private readonly memoryBytesMax: number | undefined
  private chars = 0

  /** `memoryBytesMax`: of the lines held, two bytes a character; absent: the node's fixed bound. */
  constructor(limit: number, direction: 'forward' | 'backward', memoryBytesMax?: number) {
    this.memoryBytesMax = memoryBytesMax
    this.limit = limit
    this.forward = direction === 'forward'
  }

  /** The time that an entry must beat to get in; null while there is room. */
  bound(): TimeNs | null {
    return this.heap.length < this.limit ? null : this.heap[0]!.ns
  }

  has(ns: TimeNs, identity: string): boolean {
    return this.identities.has(`${ns}/${identity}`)
  }

  /** Throws `query_limit` when the lines held grow too long. */
  push(entry: HeldEntry): void {
    this.identities.add(`${entry.ns}/${entry.identity}`)
    this.chars += entry.line.length
    if (this.memoryBytesMax !== undefined && this.chars * 2 > this.memoryBytesMax) throw overQueryMemory(this.memoryBytesMax)
    if (this.chars > ANSWER_CHARS_MAX) throw tooLong()
    if (this.heap.length < this.limit) {
      this.heap.push(entry)
      this.rise(this.heap.length - 1)
      return
    }
    const worst = this.heap[0]!
    this.identities.delete(`${worst.ns}/${worst.identity}`)
    this.chars -= worst.line.length
    this.heap[0] = entry
    this.sink()
  }

  /** Best first. */
  sorted(): HeldEntry[] {
    return [...this.heap].sort((a, b) => (this.worse(a, b) ? 1 : -1))
  }

  private worse(a: HeldEntry, b: HeldEntry): boolean {
    if (a.ns === b.ns) return a.arrival > b.arrival
    return this.forward ? a.ns > b.ns : a.ns < b.ns
  }

  private rise(from: number): void {
    const { heap } = this
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >>> 1
      if (!this.worse(heap[at]!, heap[parent]!)) return
      this.swap(at, parent)
      at = parent
    }
  }

  private sink(): void {
    const { heap } = this
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      if (left >= heap.length) return
      const right = left + 1
      const child = right < heap.length && this.worse(heap[right]!, heap[left]!) ? right : left
      if (!this.worse(heap[child]!, heap[at]!)) return
      this.swap(at, child)
      at = child
    }
  }

  private swap(a: number, b: number): void {
    const { heap } = this
    const held = heap[a]!
    heap[a] = heap[b]!
    heap[b] = held
  }
}

const tooLong = (): SkaldError =>
  new SkaldError('query_limit', `the answer would hold more than ${ANSWER_CHARS_MAX} characters of lines; ask for fewer entries or a shorter time range`)
