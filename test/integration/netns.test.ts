/** W1, R1, F3 when the network fails: nodes cut off from NATS (both ways, one way) or from the bucket, and an owner that is paused past its lease. */
import { expect, it } from 'vitest'
import { whyNoNamespaces } from './netns/namespaces.ts'
import type { Cut } from './netns/rounds.ts'
import { runInNamespaces } from './netns/run.ts'

/** `node test/integration/netns/main.ts` makes all of them, as often as is asked. */
const ROUNDS: ReadonlyArray<Cut> = ['nats', 'nats-in', 'store-out', 'pause']

it('has every acknowledged line exactly once after nodes were cut off and paused in network namespaces', async (context) => {
  const reason = whyNoNamespaces()
  if (reason !== null) return context.skip(reason)
  const { lost, doubled, foreign, acknowledged, takeovers } = await runInNamespaces(ROUNDS, () => {})
  expect({ lost: lost.slice(0, 5), doubled: doubled.slice(0, 5), foreign: foreign.slice(0, 5) }).toEqual({ lost: [], doubled: [], foreign: [] })
  expect(takeovers).toBe(3)
  expect(acknowledged).toBeGreaterThan(100)
}, 300_000)
