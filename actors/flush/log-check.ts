/**
 * Whether the log still holds what was applied from it. A nats-server may lose records that it had acknowledged (W2), and gives their sequences to new ones. Whoever applied the
 * lost ones would take these for applied already, store a segment without them, and have them purged. So `flusher.ts` asks here before it commits a cut.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { Sequence } from '../../protocols/model.ts'
import type { Catalog } from '../../storage/catalog.ts'
import type { LoggedId, Wal } from '../../storage/wal.ts'

/** What a cut was made of. */
export interface LogRange {
  readonly partition: number
  readonly first: Sequence
  readonly last: Sequence
  /** The records applied from it, in order; '' for one whose id could not be read. Other sequences did not exist. */
  readonly applied: ReadonlyArray<LoggedId>
  /** `Wal.keeper` from before the first of them was read or acknowledged. */
  readonly logKeeper: string | null
}

/** The log holds other records than were applied from it: the partition must start again from the checkpoint. */
export class LogLostError extends Error {
  constructor(partition: number, what: string) {
    super(`the log of partition ${partition} ${what}: records that it had acknowledged are lost`)
    this.name = 'LogLostError'
  }
}

/**
 * All ids are compared, not the newest alone: lost records may lie between others, when the log had grown beyond them before anybody looked. What is gone from the log's beginning, or is gone without another in
 * its place, may be stored: it was acknowledged. It costs the server a look at every record, and is spared while one server process has kept the log all the time. Rejects `LogLostError`, and `wal_unavailable` when it cannot be known now.
 */
export async function checkLog(wal: Pick<Wal, 'keeper' | 'recordIds' | 'state'>, catalog: Pick<Catalog, 'current'>, { partition, first, last, applied, logKeeper }: LogRange): Promise<void> {
  // The cut before was found to be lost: its partition is about to start again, and what came behind it must not be stored without it.
  if (first > catalog.current(partition).checkpoint + 1) throw new LogLostError(partition, `was not stored up to ${first - 1}`)
  if (logKeeper !== null && logKeeper === wal.keeper()) return
  const logged = await wal.recordIds(partition, first, last)
  const replaced = firstReplaced(applied, logged)
  if (replaced !== undefined) throw new LogLostError(partition, `has another record at ${replaced} than was applied`)
  const newest = applied.at(-1)?.sequence ?? 0
  if (newest <= (logged.at(-1)?.sequence ?? 0)) return
  const state = await wal.state(partition)
  if (state.last < newest) throw new LogLostError(partition, `ends at ${state.last}, before ${newest}, which was applied from it`)
  // Purged by a newer owner: the catalog will say so.
  if (state.first > newest) return
  throw new SkaldError('wal_unavailable', `a copy of the log of partition ${partition} does not have record ${newest} yet`, { retryAfterS: 1 })
}

function firstReplaced(applied: ReadonlyArray<LoggedId>, logged: ReadonlyArray<LoggedId>): Sequence | undefined {
  const ids = new Map(applied.map(({ sequence, id }) => [sequence, id]))
  return logged.find(({ sequence, id }) => {
    const known = ids.get(sequence)
    return known === undefined || (known !== '' && id !== '' && known !== id)
  })?.sequence
}
