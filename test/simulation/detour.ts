/** The log's detour in a simulation: now and then a record is acknowledged from beside the log (and may be in the log as well), until the partition's owner has it moved. */
import type { Wal } from '../../storage/wal.ts'

interface Held {
  readonly recordId: string
  readonly record: Uint8Array
  readonly traceParent: string | undefined
}

export class SimulatedDetour {
  readonly #held = new Map<number, Held[]>()

  hold(partition: number, record: Held): void {
    const held = this.#held.get(partition)
    if (held === undefined) this.#held.set(partition, [record])
    else held.push(record)
  }

  /** Two movers at once do no harm: ids are stored once. */
  async settle(partition: number, wal: Wal, deadlineMs: number): Promise<void> {
    const held = this.#held.get(partition) ?? []
    for (let next = held[0]; next !== undefined; next = held[0]) {
      await wal.append(partition, next.recordId, next.record, deadlineMs, next.traceParent)
      if (held[0] === next) held.shift()
    }
  }
}
