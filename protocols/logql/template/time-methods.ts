/** Methods of Go's `time.Time` that take no argument, for templates such as `{{ __timestamp__.Unix }}`. */
import { civilOf, type GoTime, goTime, timeText } from './time.ts'
import { DAYS, MONTHS } from './time-layout.ts'
import type { GoValue } from './values.ts'

const METHODS: Readonly<Record<string, (time: GoTime) => GoValue>> = {
  Unix: ({ ns }) => floor(ns, 1_000_000_000n),
  UnixMilli: ({ ns }) => floor(ns, 1_000_000n),
  UnixMicro: ({ ns }) => floor(ns, 1000n),
  UnixNano: ({ ns }) => ns,
  Year: (time) => BigInt(civilOf(time).date.getUTCFullYear()),
  Month: (time) => MONTHS[civilOf(time).date.getUTCMonth()]!,
  Day: (time) => BigInt(civilOf(time).date.getUTCDate()),
  Weekday: (time) => DAYS[civilOf(time).date.getUTCDay()]!,
  Hour: (time) => BigInt(civilOf(time).date.getUTCHours()),
  Minute: (time) => BigInt(civilOf(time).date.getUTCMinutes()),
  Second: (time) => BigInt(civilOf(time).date.getUTCSeconds()),
  Nanosecond: (time) => BigInt(civilOf(time).nanos),
  UTC: ({ ns }) => goTime(ns),
  String: timeText,
}

const floor = (ns: bigint, unit: bigint): bigint => (ns >= 0n ? ns / unit : -((-ns + unit - 1n) / unit))

/** undefined: no such method. */
export const timeMethod = (time: GoTime, name: string): GoValue | undefined => (Object.hasOwn(METHODS, name) ? METHODS[name]!(time) : undefined)
