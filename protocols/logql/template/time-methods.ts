/** Methods of Go's `time.Time`, for templates such as `{{ __timestamp__.Unix }}` and `{{ __timestamp__.Format "15:04" }}`. */
import type { Kind } from './function.ts'
import { civilOf, type GoTime, goTime, timeText, ZERO_TIME } from './time.ts'
import { DAYS, formatTime, MONTHS } from './time-layout.ts'
import { type GoValue, Int64 } from './values.ts'

export interface TimeMethod {
  readonly parameters: ReadonlyArray<Kind>
  call(time: GoTime, args: ReadonlyArray<GoValue>): GoValue
}

const plain = (call: (time: GoTime) => GoValue): TimeMethod => ({ parameters: [], call })
const civil = (part: (date: Date) => number): TimeMethod => plain((time) => BigInt(part(civilOf(time).date)))
const floor = (ns: bigint, unit: bigint): Int64 => new Int64(ns >= 0n ? ns / unit : -((-ns + unit - 1n) / unit))
const between = (test: (a: bigint, b: bigint) => boolean): TimeMethod => ({ parameters: ['time'], call: ({ ns }, [other]) => test(ns, (other as GoTime).ns) })

const METHODS: Readonly<Record<string, TimeMethod>> = {
  Unix: plain(({ ns }) => floor(ns, 1_000_000_000n)),
  UnixMilli: plain(({ ns }) => floor(ns, 1_000_000n)),
  UnixMicro: plain(({ ns }) => floor(ns, 1000n)),
  UnixNano: plain(({ ns }) => new Int64(ns)),
  Year: civil((date) => date.getUTCFullYear()),
  Month: plain((time) => MONTHS[civilOf(time).date.getUTCMonth()]!),
  Day: civil((date) => date.getUTCDate()),
  YearDay: civil((date) => 1 + Math.round((Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()) - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000)),
  Weekday: plain((time) => DAYS[civilOf(time).date.getUTCDay()]!),
  Hour: civil((date) => date.getUTCHours()),
  Minute: civil((date) => date.getUTCMinutes()),
  Second: civil((date) => date.getUTCSeconds()),
  Nanosecond: plain((time) => BigInt(civilOf(time).nanos)),
  UTC: plain(({ ns }) => goTime(ns)),
  Local: plain(({ ns }) => goTime(ns)),
  IsZero: plain(({ ns }) => ns === ZERO_TIME.ns),
  String: plain(timeText),
  Format: { parameters: ['string'], call: (time, [layout]) => formatTime(time, layout as string) },
  Add: { parameters: ['int'], call: ({ ns, zone }, [duration]) => goTime(ns + (duration as bigint), zone) },
  After: between((a, b) => a > b),
  Before: between((a, b) => a < b),
  Equal: between((a, b) => a === b),
}

/** undefined: no such method. */
export const timeMethod = (name: string): TimeMethod | undefined => (Object.hasOwn(METHODS, name) ? METHODS[name]! : undefined)
