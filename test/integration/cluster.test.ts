/** R2, W1, Q1, Q2 on three nodes and three nats-servers under SIGKILL. `npm run cluster -- --rounds 200` runs longer. */
import { expect, it } from 'vitest'
import { runChaos } from './cluster/chaos.ts'

const ROUNDS = 15
/** A round takes 4 to 9 s, most of it the election of a log's new leader; a slow machine does fewer. */
const BUDGET_MS = 75_000

it('has every acknowledged line exactly once, and answered every query, while nodes and nats-servers were killed', async () => {
  const seed = Date.now() % 2 ** 31
  const result = await runChaos({ nodes: 3, nats: 3, partitions: 6, store: 's3', rounds: ROUNDS, seed, budgetMs: BUDGET_MS, report: () => {} })
  const { lost, doubled, foreign, failedQueries } = result
  expect({ seed, lost: lost.slice(0, 5), doubled: doubled.slice(0, 5), foreign: foreign.slice(0, 5), failedQueries: failedQueries.slice(0, 5) }).toEqual({ seed, lost: [], doubled: [], foreign: [], failedQueries: [] })
  expect(result.rounds).toBeGreaterThan(3)
  expect(result.pushMs.p99).toBeLessThan(2_000)
}, 300_000)
