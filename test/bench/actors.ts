/** What actors cost: a message, an effect, an ask, and 50,000 idle ones. `npm run bench` calls it; `node test/bench/actors.ts` prints it. */
import * as Effect from 'effect/Effect'
import { LocalActorSystem } from '../../runtime/actor-system.ts'
import type { ActorRef, Behavior, Reply } from '../../runtime/actor.ts'
import { SystemClock } from '../../runtime/clock-system.ts'
import { SystemRandom } from '../../runtime/random-system.ts'

const IDLE_ACTORS = 50_000
const MESSAGES = 2_000_000
const BATCH = 1_000

interface Counter {
  count: number
}
type Message = number | { readonly reply: Reply<number> }

const counter: Behavior<Message, Counter> = {
  init: () => ({ count: 0 }),
  handle(state, message) {
    if (typeof message === 'number') state.count += message
    else message.reply.succeed(state.count)
  },
}

const effectful: Behavior<Message, Counter> = {
  init: () => ({ count: 0 }),
  handle: (state, message) => (typeof message === 'number' ? Effect.sync(() => void (state.count += message)) : message.reply.succeed(state.count)),
}

/** Figures with their unit in the name. */
export async function benchActors(): Promise<Record<string, number | string>> {
  const clock = new SystemClock()
  const system = new LocalActorSystem({ node: 'bench', clock, random: new SystemRandom() })
  const start = (id: string, behavior: Behavior<Message, Counter>): ActorRef<Message> => system.root.start({ id, behavior, restart: 'permanent' })
  const [plain, effects] = [start('plain', counter), start('effects', effectful)]
  const spread = Array.from({ length: 1_000 }, (_, i) => start(`spread-${i}`, counter))
  const flood = async (refs: ReadonlyArray<ActorRef<Message>>, messages: number): Promise<number> => {
    const refusedBefore = system.counters.refused
    const fromMs = clock.monotonicMs()
    for (let sent = 0; sent < messages; sent += BATCH) {
      for (let i = 0; i < BATCH; i++) (refs[i % refs.length] as ActorRef<Message>).tell(1)
      await yielded()
    }
    if (system.counters.refused > refusedBefore || system.counters.crashes > 0) throw new Error('messages were lost: the figures mean nothing')
    return Math.round(((clock.monotonicMs() - fromMs) * 1e6) / messages)
  }
  await flood([plain, effects, ...spread], 100_000)
  const results: Record<string, number | string> = {
    'tell and handle, one actor, ns': await flood([plain], MESSAGES),
    'tell and handle, 1000 actors, ns': await flood(spread, MESSAGES),
    'tell and handle in an effect, ns': await flood([effects], 200_000),
    'ask, one after the other, ns': await timeAsks(system, plain, 50_000, 1),
    'ask, 64 at once, ns': await timeAsks(system, plain, 200_000, 64),
  }
  Object.assign(results, await idleActors(system, clock))
  await Effect.runPromise(system.shutdown())
  return results
}

async function timeAsks(system: LocalActorSystem, ref: ActorRef<Message>, asks: number, inFlight: number): Promise<number> {
  const fromMs = system.clock.monotonicMs()
  for (let asked = 0; asked < asks; asked += inFlight) {
    const batch = Array.from({ length: inFlight }, () => system.ask<Message, number>(ref, (reply) => ({ reply }), 10_000))
    await Promise.all(batch)
  }
  return Math.round(((system.clock.monotonicMs() - fromMs) * 1e6) / asks)
}

/** Streams as a partition has them: started under one parent, each having had a message, then idle. */
async function idleActors(system: LocalActorSystem, clock: SystemClock): Promise<Record<string, number>> {
  const beforeBytes = heapBytes()
  const fromMs = clock.monotonicMs()
  const refs: ActorRef<Message>[] = []
  const parent = system.root.start<never, null>({
    id: 'streams',
    restart: 'permanent',
    behavior: {
      init(context) {
        for (let i = 0; i < IDLE_ACTORS; i++) refs.push(context.children.start({ id: `stream-${i}`, behavior: counter, restart: 'transient', idleMs: 600_000 }))
        return null
      },
      handle: () => undefined,
    },
  })
  const startedMs = clock.monotonicMs()
  for (const ref of refs) ref.tell(1)
  await yielded()
  const told = clock.monotonicMs()
  const bytes = heapBytes() - beforeBytes
  const stopFromMs = clock.monotonicMs()
  await Effect.runPromise(system.root.stop('streams'))
  void parent
  return {
    'start, an actor, ns': Math.round(((startedMs - fromMs) * 1e6) / IDLE_ACTORS),
    'first message, an actor, ns': Math.round(((told - startedMs) * 1e6) / IDLE_ACTORS),
    [`${IDLE_ACTORS} idle actors, bytes each`]: Math.round(bytes / IDLE_ACTORS),
    'stop, an actor, ns': Math.round(((clock.monotonicMs() - stopFromMs) * 1e6) / IDLE_ACTORS),
  }
}

const yielded = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function heapBytes(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

if (import.meta.main) console.table(await benchActors())
