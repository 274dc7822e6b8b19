/**
 * When a query runs: in its tenant's turn; but while the node is busy, queries that turn out to be small pass the large ones that wait, in a lane of their own. Whether one
 * is small is looked up in footers, and only then. Used by the front end.
 */
import type { FairQueue } from './fair-queue.ts'
import type { Querier } from './querier.ts'
import { type CostQuestion, smallCost } from './query-cost.ts'
import type { Services } from '../services.ts'

export interface LaneParts {
  readonly services: Services
  readonly querier: Querier
  readonly queue: FairQueue
  /** For small queries, and for finding out which ones are. */
  readonly express: FairQueue
}

export interface QueryTurn {
  readonly signal: AbortSignal
  readonly queuedMs: number
  /** What it reads at most; null: not known. */
  readonly readBytesMax: number | null
}

export interface QueryLanes {
  run<A>(question: CostQuestion & { readonly tenant: string }, run: (turn: QueryTurn) => Promise<A>): Promise<A>
}

/** From so many running queries on, it pays to look: one alone may keep all threads. */
const BUSY_QUERIES = 1

export function makeQueryLanes({ services, querier, queue, express }: LaneParts): QueryLanes {
  return {
    async run(question, run) {
      const { tenant, signal } = question
      if (queue.busy >= BUSY_QUERIES) {
        const passed = await express.run(tenant, signal, async (queuedMs) => {
          const readBytesMax = await smallCost(services, querier, question)
          return readBytesMax === null ? null : { answer: await run({ signal, queuedMs, readBytesMax }) }
        })
        if (passed !== null) return passed.answer
      }
      return queue.run(tenant, signal, (queuedMs) => run({ signal, queuedMs, readBytesMax: null }))
    },
  }
}
