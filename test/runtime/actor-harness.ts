/** What the actor tests share: a system on a manual clock, and a recording actor that does what its messages say. */
import * as Effect from 'effect/Effect'
import type { ActorEvent } from '../../runtime/actor-host.ts'
import { LocalActorSystem } from '../../runtime/actor-system.ts'
import type { ActorContext, Behavior, ExitReason, Reply } from '../../runtime/actor.ts'
import { ManualClock } from '../../runtime/clock-manual.ts'
import { SeededRandom } from '../../runtime/random-seeded.ts'

export interface TestSystem {
  readonly system: LocalActorSystem
  readonly clock: ManualClock
  readonly events: ActorEvent[]
  readonly escalated: unknown[]
}

export function testSystem(node = 'n1', clock = new ManualClock()): TestSystem {
  const events: ActorEvent[] = []
  const escalated: unknown[] = []
  const system = new LocalActorSystem({ node, clock, random: new SeededRandom(1), onEvent: (e) => events.push(e), onEscalation: (e) => escalated.push(e) })
  return { system, clock, events, escalated }
}

/** Lets every actor with mail run, and time stand still. */
export const settle = (t: TestSystem): Promise<void> => t.clock.run(0)

export type Message =
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'throw' }
  | { readonly kind: 'fail' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'echo'; readonly text: string; readonly reply: Reply<string> }
  | { readonly kind: 'work'; readonly ms: number }
  | { readonly kind: 'do'; readonly run: (context: ActorContext<Message>) => void }

export const note = (text: string): Message => ({ kind: 'note', text })

export interface RecorderOptions {
  /** Called first in every `init`. */
  readonly onInit?: (context: ActorContext<Message>) => void
  readonly initMs?: number
  readonly terminateMs?: number
}

/** Writes `<id>:init`, `<id>:<text>`, `<id>:end <reason>` to the log. */
export function recorder(id: string, log: string[], options: RecorderOptions = {}): Behavior<Message, { count: number }> {
  return {
    init(context) {
      log.push(`${id}:init`)
      options.onInit?.(context)
      const state = { count: 0 }
      return options.initMs === undefined ? state : Effect.sleep(options.initMs).pipe(Effect.as(state), Effect.tap(() => Effect.sync(() => void log.push(`${id}:ready`))))
    },
    handle(state, message, context) {
      state.count++
      switch (message.kind) {
        case 'note':
          return void log.push(`${id}:${message.text}`)
        case 'throw':
          throw new Error(`${id} threw`)
        case 'fail':
          return Effect.fail(new Error(`${id} failed`))
        case 'stop':
          return context.stop()
        case 'echo':
          return message.reply.succeed(`${message.text} ${state.count}`)
        case 'work':
          return Effect.sleep(message.ms).pipe(Effect.andThen(Effect.sync(() => void log.push(`${id}:worked`))))
        case 'do':
          return message.run(context)
      }
    },
    terminate(_state, reason: ExitReason) {
      log.push(`${id}:end ${reason.kind}`)
      return options.terminateMs === undefined ? undefined : Effect.sleep(options.terminateMs).pipe(Effect.andThen(Effect.sync(() => void log.push(`${id}:ended`))))
    },
  }
}
