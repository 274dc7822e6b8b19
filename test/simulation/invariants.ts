/**
 * What must hold at every moment, checked where it happens: at the catalog (R1, F3), before the purge (F1) and in the bucket (F3). The load's own
 * checks (W1, Q1, Q2) are in `load.ts`. Violations are collected, not thrown: they happen inside of somebody else's call.
 */
import { decodeHead, type CatalogHead } from '../../storage/catalog-codec.ts'
import { parseKey } from '../../storage/catalog-heads.ts'

interface Committed {
  readonly head: CatalogHead
  readonly writer: string
}

const EMPTY: CatalogHead = { epoch: 0, checkpoint: 0, pages: [], segments: [] }

export class Invariants {
  readonly violations: string[] = []
  /** Catalog changes that were checked. */
  commits = 0
  claims = 0
  /** Puts over an object that was there already, with the same content. */
  repeatedPuts = 0
  readonly #partitions = new Map<number, Committed>()
  readonly #contents = new Map<string, Buffer>()

  violated(rule: string, what: string): void {
    this.violations.push(`${rule}: ${what}`)
  }

  /** A compare-and-set on the catalog that won. `writer`: one incarnation of one node. */
  catalogWritten(writer: string, key: string, value: Buffer): void {
    const parsed = parseKey(key)
    if (parsed === null || parsed.page !== null) return
    const head = decodeHead(key, parsed.partition, value)
    const before = this.#partitions.get(parsed.partition) ?? { head: EMPTY, writer: '' }
    this.#partitions.set(parsed.partition, { head, writer })
    this.#checkEpoch(parsed.partition, before, head, writer)
    this.#checkSegments(parsed.partition, before.head, head)
  }

  /** F1: nothing leaves the log before the catalog has it. */
  purged(partition: number, through: number): void {
    const checkpoint = this.#partitions.get(partition)?.head.checkpoint ?? 0
    if (through > checkpoint) this.violated('F1', `log of partition ${partition} purged through ${through}, the catalog is at ${checkpoint}`)
  }

  /** F3: the content of an object follows from its name. */
  objectPut(key: string, body: Uint8Array): void {
    const before = this.#contents.get(key)
    if (before === undefined) return void this.#contents.set(key, Buffer.from(body))
    if (before.equals(body)) this.repeatedPuts++
    else this.violated('F3', `object ${key} of ${before.length} bytes was overwritten by another of ${body.length}`)
  }

  #checkEpoch(partition: number, before: Committed, head: CatalogHead, writer: string): void {
    if (head.epoch < before.head.epoch) this.violated('R1', `partition ${partition} went from epoch ${before.head.epoch} (${before.writer}) back to ${head.epoch} (${writer})`)
    if (head.epoch === before.head.epoch && writer !== before.writer) this.violated('R1', `epoch ${head.epoch} of partition ${partition} was written by ${before.writer} and by ${writer}`)
    if (head.epoch > before.head.epoch) this.claims++
  }

  #checkSegments(partition: number, before: CatalogHead, head: CatalogHead): void {
    const name = `partition ${partition}`
    if (head.checkpoint < before.checkpoint) this.violated('F3', `${name}: the checkpoint went from ${before.checkpoint} back to ${head.checkpoint}`)
    const isExtended = before.pages.length === head.pages.length
    const kept = head.segments.slice(0, before.segments.length)
    if (isExtended && kept.some(({ key }, i) => key !== before.segments[i]!.key)) this.violated('F3', `${name}: a segment has gone`)
    const added = isExtended ? head.segments.slice(before.segments.length) : head.segments.filter(({ last }) => last > before.checkpoint)
    if (added.length > 0) this.commits++
    let through = before.checkpoint
    for (const { key, first, last } of added) {
      if (first !== through + 1) this.violated('F3', `${name}: ${first <= through ? 'overlap' : 'gap'} between ${through} and segment [${first}, ${last}]`)
      if (!this.#contents.has(key)) this.violated('F1', `${name}: segment ${key} is in the catalog before its object is in the bucket`)
      through = last
    }
    if (added.length > 0 && through !== head.checkpoint) this.violated('F3', `${name}: segments end at ${through}, the checkpoint is ${head.checkpoint}`)
  }
}
