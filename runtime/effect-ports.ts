/**
 * Lets Effect's own schedules, timeouts and jitter take time and randomness from our ports, so that control-plane code runs under a
 * simulated clock as well. `runtime/` runs every fibre of an actor or a driver through this; it holds no state.
 */
import * as EffectClock from 'effect/Clock'
import * as Context from 'effect/Context'
import * as Duration from 'effect/Duration'
import * as Effect from 'effect/Effect'
import * as EffectRandom from 'effect/Random'
import type { Clock } from './clock.ts'
import type { Random } from './random.ts'

const NS_PER_MS = 1_000_000

/** The context that carries both ports into a fibre: `Effect.runForkWith(portsContext(clock, random))(effect)`. */
export function portsContext(clock: Clock, random: Random): Context.Context<never> {
  return Context.empty().pipe(Context.add(EffectClock.Clock, effectClock(clock)), Context.add(EffectRandom.Random, effectRandom(random)))
}

function effectClock(clock: Clock): EffectClock.Clock {
  const wallNs = (): bigint => BigInt(clock.nowMs()) * BigInt(NS_PER_MS)
  const monotonicNs = (): bigint => BigInt(Math.round(clock.monotonicMs() * NS_PER_MS))
  return {
    currentTimeMillisUnsafe: () => clock.nowMs(),
    currentTimeMillis: Effect.sync(() => clock.nowMs()),
    currentTimeNanosUnsafe: wallNs,
    currentTimeNanos: Effect.sync(wallNs),
    monotonicTimeNanosUnsafe: monotonicNs,
    monotonicTimeNanos: Effect.sync(monotonicNs),
    sleep: (duration) =>
      Effect.callback<void>((resume) => {
        const timer = clock.after(Duration.toMillis(duration), () => resume(Effect.void))
        return Effect.sync(() => timer.cancel())
      }),
  }
}

function effectRandom(random: Random): { nextIntUnsafe(): number; nextDoubleUnsafe(): number } {
  return {
    nextIntUnsafe: () => Math.floor((random.next() - 0.5) * 2 * Number.MAX_SAFE_INTEGER),
    nextDoubleUnsafe: () => random.next(),
  }
}
