/**
 * The samples of one series that an operator has to keep, in columns: as they came, then put in order of slots. Used by `keeping-states.ts`; `add` runs
 * once a row.
 */

const CAPACITY_MIN = 4
/** Below this many samples to a slot of the range, sorting beats counting. */
const SPARSE_FACTOR = 8

/** Of equal lengths; `times` is empty when they are not kept. */
export interface SampleColumns {
  readonly slots: Int32Array
  readonly values: Float64Array
  readonly times: Float64Array
}

export class KeptSamples {
  count = 0
  slots = new Int32Array(0)
  values = new Float64Array(0)
  /** Empty when times are not kept. */
  times = new Float64Array(0)
  private readonly keepsTimes: boolean
  private readonly reserve: (numbers: number) => void

  /** `reserve` is told how many more numbers are going to be held, and may refuse. */
  constructor(keepsTimes: boolean, reserve: (numbers: number) => void) {
    this.keepsTimes = keepsTimes
    this.reserve = reserve
  }

  add(slot: number, value: number, timeNs: number): void {
    const at = this.count
    if (at === this.slots.length) this.grow(at * 2)
    this.slots[at] = slot
    this.values[at] = value
    if (this.keepsTimes) this.times[at] = timeNs
    this.count = at + 1
  }

  addAll({ slots, values, times }: SampleColumns): void {
    const at = this.count
    const count = at + slots.length
    if (count > this.slots.length) this.grow(Math.max(count, at * 2))
    this.slots.set(slots, at)
    this.values.set(values, at)
    if (this.keepsTimes) this.times.set(times, at)
    this.count = count
  }

  columns(): SampleColumns {
    const { slots, values, times, count } = this
    return { slots: slots.subarray(0, count), values: values.subarray(0, count), times: times.subarray(0, count) }
  }

  /** Puts the samples in order of slots; inside a slot they stay as they came. */
  orderBySlot(): void {
    if (isAscending(this.slots, this.count)) return
    const order = slotOrder(this.slots, this.count)
    this.slots = gather(this.slots, order, new Int32Array(order.length))
    this.values = gather(this.values, order, new Float64Array(order.length))
    if (this.keepsTimes) this.times = gather(this.times, order, new Float64Array(order.length))
  }

  private grow(wanted: number): void {
    const capacity = Math.max(CAPACITY_MIN, wanted)
    const numbers = this.keepsTimes ? 3 : 2
    this.reserve((capacity - this.slots.length) * numbers)
    this.slots = enlarged(this.slots, new Int32Array(capacity))
    this.values = enlarged(this.values, new Float64Array(capacity))
    if (this.keepsTimes) this.times = enlarged(this.times, new Float64Array(capacity))
  }
}

function enlarged<A extends Int32Array | Float64Array>(from: A, to: A): A {
  to.set(from)
  return to
}

function gather<A extends Int32Array | Float64Array>(column: A, order: Uint32Array, into: A): A {
  for (let i = 0; i < order.length; i++) into[i] = column[order[i]!]!
  return into
}

function isAscending(slots: Int32Array, count: number): boolean {
  for (let i = 1; i < count; i++) if (slots[i]! < slots[i - 1]!) return false
  return true
}

/** Positions of the samples in order of slots, stable. */
function slotOrder(slots: Int32Array, count: number): Uint32Array {
  let lowest = slots[0]!
  let highest = lowest
  for (let i = 1; i < count; i++) {
    if (slots[i]! < lowest) lowest = slots[i]!
    if (slots[i]! > highest) highest = slots[i]!
  }
  if (count * SPARSE_FACTOR < highest - lowest) return Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => slots[a]! - slots[b]! || a - b)
  const next = new Uint32Array(highest - lowest + 2)
  for (let i = 0; i < count; i++) next[slots[i]! - lowest + 1]! += 1
  for (let j = 1; j < next.length; j++) next[j]! += next[j - 1]!
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i++) order[next[slots[i]! - lowest]!++] = i
  return order
}
