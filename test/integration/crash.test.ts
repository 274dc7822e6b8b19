/** W1, F1-F3, Q1 under SIGKILL. `npm run crash -- --rounds 200` runs longer; `--broken` shows that the test notices a push acknowledged too early. */
import path from 'node:path'
import { expect, it } from 'vitest'
import { runCrashTest } from './crash/crash.ts'

const ROUNDS = 20

it('has every acknowledged line exactly once after the node and the nats-server were killed 20 times', async () => {
  const seed = Date.now() % 2 ** 31
  const result = await runCrashTest({ tree: path.resolve(import.meta.dirname, '../..'), rounds: ROUNDS, seed, report: () => {} })
  const { lost, doubled, foreign } = result
  expect({ seed, lost: lost.slice(0, 5), doubled: doubled.slice(0, 5), foreign: foreign.slice(0, 5) }).toEqual({ seed, lost: [], doubled: [], foreign: [] })
  expect(result.nodeKills + result.natsKills).toBeGreaterThanOrEqual(ROUNDS)
  expect(result.acknowledged).toBeGreaterThan(ROUNDS)
}, 600_000)
