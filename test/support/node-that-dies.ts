/** A node as a program of its own that kills itself (SIGKILL) before the step of a flush that `DIE_BEFORE` names: `test/integration/flush-kill.test.ts` starts it. */
import * as Effect from 'effect/Effect'
import { loadSkaldConfig } from '../../actors/config.ts'
import { startNode } from '../../actors/root.ts'

const { config } = loadSkaldConfig({ environment: process.env })
await startNode(config, {
  flushFaultPoint: (step) => Effect.sync(() => void (step === process.env['DIE_BEFORE'] && process.kill(process.pid, 'SIGKILL'))),
})
