/**
 * The write-ahead log in memory, for tests and simulations: sequences, duplicate ids, limits and purging as on JetStream. `failing` makes it
 * refuse, so that callers' behaviour can be tried. Nothing survives the process.
 */
import { SkaldError } from '../runtime/errors.ts'
import type { Sequence } from '../protocols/model.ts'
import type { LoggedId, Wal, WalRecord, WalState } from './wal.ts'

/** Ids remembered a partition; JetStream forgets by time. */
const IDS_MAX = 100_000

interface MemoryRecord extends WalRecord {
  readonly id: string
}

interface Log {
  records: MemoryRecord[]
  last: Sequence
  sizeBytes: number
  readonly ids: Map<string, Sequence>
}

export class MemoryWal implements Wal {
  readonly #logs = new Map<number, Log>()
  readonly #bytesMax: number
  #losses = 0
  /** While set, every call is rejected with it. */
  failing: SkaldError | undefined

  constructor(options: { readonly bytesMax?: number } = {}) {
    this.#bytesMax = options.bytesMax ?? Number.POSITIVE_INFINITY
  }

  async open(partition: number, after: Sequence): Promise<void> {
    const log = this.#log(partition)
    log.last = Math.max(log.last, after)
  }

  async append(partition: number, recordId: string, record: Uint8Array, _deadlineMs: number, traceParent = ''): Promise<Sequence> {
    const log = this.#log(partition)
    const known = log.ids.get(recordId)
    if (known !== undefined) return known
    if (log.sizeBytes + record.length > this.#bytesMax) {
      throw new SkaldError('wal_full', `the write-ahead log of partition ${partition} is full (wal.max_size ${this.#bytesMax})`, { retryAfterS: 5 })
    }
    log.last++
    log.records.push({ sequence: log.last, id: recordId, bytes: Buffer.from(record), ...(traceParent === '' ? {} : { traceParent }) })
    log.sizeBytes += record.length
    remember(log.ids, recordId, log.last)
    return log.last
  }

  async settle(partition: number): Promise<void> {
    this.#log(partition)
  }

  async state(partition: number): Promise<WalState> {
    const log = this.#log(partition)
    return { first: log.records[0]?.sequence ?? log.last + 1, last: log.last, sizeBytes: log.sizeBytes }
  }

  async read(partition: number, from: Sequence, maxBytes: number): Promise<ReadonlyArray<WalRecord>> {
    const { records } = this.#log(partition)
    const start = indexFrom(records, from)
    let end = start
    let bytes = 0
    while (end < records.length && (end === start || bytes + records[end]!.bytes.length <= maxBytes)) bytes += records[end++]!.bytes.length
    return records.slice(start, end)
  }

  async recordIds(partition: number, from: Sequence, through: Sequence): Promise<ReadonlyArray<LoggedId>> {
    const { records } = this.#log(partition)
    return records.slice(indexFrom(records, from), indexFrom(records, through + 1)).map(({ sequence, id }) => ({ sequence, id }))
  }

  keeper(): string | null {
    return `memory, ${this.#losses} times lost`
  }

  async purge(partition: number, through: Sequence): Promise<void> {
    const log = this.#log(partition)
    const gone = log.records.splice(0, indexFrom(log.records, through + 1))
    log.sizeBytes -= gone.reduce((sum, record) => sum + record.bytes.length, 0)
    log.last = Math.max(log.last, through)
  }

  async close(): Promise<void> {}

  /** Its newest records are gone, and their sequences will be given out again: what a server may do that is killed by a power cut (W2). */
  loseAfter(partition: number, last: Sequence): void {
    const log = this.#log(partition)
    this.#losses++
    for (const { id, bytes } of log.records.splice(indexFrom(log.records, last + 1))) {
      log.ids.delete(id)
      log.sizeBytes -= bytes.length
    }
    log.last = Math.min(log.last, last)
  }

  #log(partition: number): Log {
    if (this.failing !== undefined) throw this.failing
    let log = this.#logs.get(partition)
    if (log === undefined) this.#logs.set(partition, (log = { records: [], last: 0, sizeBytes: 0, ids: new Map() }))
    return log
  }
}

/** Index of the first record with at least this sequence. */
function indexFrom(records: ReadonlyArray<WalRecord>, from: Sequence): number {
  let low = 0
  for (let high = records.length; low < high; ) {
    const middle = (low + high) >>> 1
    if (records[middle]!.sequence < from) low = middle + 1
    else high = middle
  }
  return low
}

function remember(ids: Map<string, Sequence>, id: string, sequence: Sequence): void {
  ids.set(id, sequence)
  if (ids.size > IDS_MAX) ids.delete(ids.keys().next().value as string)
}
