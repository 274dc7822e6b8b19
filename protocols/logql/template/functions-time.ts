/** Template functions on times: Loki's own and sprig's. */
import { goQuote } from '../go-text.ts'
import { fn, text, type TemplateFunction } from './function.ts'
import { formatTime, parseTime } from './time-layout.ts'
import { type GoTime, goTime, isGoTime, zoneAt, ZERO_TIME } from './time.ts'
import { type GoValue, integerOf, TemplateError } from './values.ts'

const S = 1_000_000_000n
/** Nanoseconds of a unit, by the number of digits: days, seconds, milliseconds, microseconds, nanoseconds. */
const UNIT_NS: ReadonlyMap<number, bigint> = new Map([[5, 86_400n * S], [10, S], [13, 1_000_000n], [16, 1000n], [19, 1n]])

function unixToTime(epoch: string): GoTime {
  if (!/^[+-]?\d+$/.test(epoch)) {
    throw new TemplateError(`unable to parse time '${epoch}': strconv.ParseInt: parsing ${goQuote(epoch)}: invalid syntax`)
  }
  const unit = UNIT_NS.get(epoch.length)
  if (unit === undefined) throw new TemplateError(`unable to parse time '${epoch}': %!w(<nil>)`)
  return goTime(BigInt(epoch) * unit)
}

function toDateInZone(layout: string, zone: string, value: string): GoTime {
  const known = !zone.startsWith('fixed ') && zoneAt(zone, 0) !== null
  return parseTime(layout, value, known ? zone : 'UTC') ?? ZERO_TIME
}

/** What sprig's `date` takes for a time: shown in the local zone, which is UTC here. */
function dateOf(value: GoValue, nowNs: bigint): GoTime {
  if (isGoTime(value)) return goTime(value.ns)
  const epoch = integerOf(value)
  return goTime(epoch === null ? nowNs : epoch * S)
}

const floorTo = (ns: bigint, unit: bigint): string => String(ns >= 0n ? ns / unit : -((-ns + unit - 1n) / unit))
const ofTime = (call: (time: GoTime) => GoValue): TemplateFunction => fn(['time'], ([time]) => call(time as GoTime))

export const TIME_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  now: fn([], (_args, { nowNs }) => goTime(nowNs)),
  date: fn(['string', 'any'], ([layout, value = null], { nowNs }) => formatTime(dateOf(value, nowNs), layout as string)),
  toDate: text(2, ([layout = '', value = '']) => parseTime(layout, value, 'UTC') ?? ZERO_TIME),
  toDateInZone: text(3, ([layout = '', zone = '', value = '']) => toDateInZone(layout, zone, value)),
  unixToTime: text(1, ([epoch = '']) => unixToTime(epoch)),
  unixEpoch: ofTime(({ ns }) => floorTo(ns, S)),
  unixEpochMillis: ofTime(({ ns }) => floorTo(ns, 1_000_000n)),
  unixEpochNanos: ofTime(({ ns }) => ns.toString()),
}
