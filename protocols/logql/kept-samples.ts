/**
 * The samples of one series that an operator has to keep, in columns: first as they came, then in order of slots. Used by `keeping-states.ts`; `add` runs
 * once a row. Columns that are not needed any more are given back at once (`runtime/free-buffer.ts`).
 */
import { freeBuffer } from '../../runtime/free-buffer.ts'

/** Parts that are read side by side; of more one is made before. */
const PARTS_MAX = 32
const CAPACITY_MIN = 4
/** Small columns grow faster: each growth is a buffer for the collector. */
const SMALL_CAPACITY = 1024

/** Samples by the run of equal slots: those of `slots[i]` are `[ends[i - 1], ends[i])`. `times` is empty when they are not kept. */
export interface SampleColumns {
  readonly slots: Int32Array
  readonly ends: Int32Array
  readonly values: Float64Array
  readonly times: Float64Array
}

export class KeptSamples {
  private readonly keepsTimes: boolean
  private readonly reserve: (numbers: number) => void
  /** What others made, each in order. */
  private readonly parts: SampleColumns[] = []
  private slots = new Int32Array(0)
  private ends = new Int32Array(0)
  private runCount = 0
  private values = new Float64Array(0)
  private times = new Float64Array(0)
  private count = 0
  private lastSlot = NaN

  /** `reserve` is told how many more numbers are going to be held, and may refuse. */
  constructor(keepsTimes: boolean, reserve: (numbers: number) => void) {
    this.keepsTimes = keepsTimes
    this.reserve = reserve
  }

  add(slot: number, value: number, timeNs: number): void {
    if (slot !== this.lastSlot) this.beginRun(slot)
    const at = this.count
    if (at === this.values.length) this.growSamples()
    this.values[at] = value
    if (this.keepsTimes) this.times[at] = timeNs
    this.count = at + 1
  }

  /** As `inOrder` gives them. */
  addAll(parts: ReadonlyArray<SampleColumns>): void {
    for (const part of parts) {
      this.reserve(part.slots.length + part.values.length + part.times.length)
      this.parts.push(part)
    }
  }

  /** All samples, in few parts, in each in order of slots, every one of which is there once. */
  inOrder(): ReadonlyArray<SampleColumns> {
    if (this.count > 0) {
      this.parts.push(gathered([this.unordered()], this.keepsTimes))
      this.dropOwn()
    }
    if (this.parts.length > PARTS_MAX) this.parts.splice(0, Infinity, gathered(this.parts, this.keepsTimes))
    return this.parts
  }

  /** Nobody looks at them any more. */
  release(): void {
    for (const { slots, ends, values, times } of this.parts.splice(0)) [slots, ends, values, times].forEach(freeBuffer)
    this.dropOwn()
  }

  private unordered(): SampleColumns {
    const { slots, ends, values, times, count, runCount } = this
    ends[runCount - 1] = count
    return { slots: slots.subarray(0, runCount), ends: ends.subarray(0, runCount), values: values.subarray(0, count), times: times.subarray(0, count) }
  }

  private dropOwn(): void {
    for (const column of [this.slots, this.ends, this.values, this.times]) freeBuffer(column)
    this.slots = this.ends = new Int32Array(0)
    this.values = this.times = new Float64Array(0)
    this.count = this.runCount = 0
    this.lastSlot = NaN
  }

  private beginRun(slot: number): void {
    const run = this.runCount
    if (run === this.slots.length) {
      const capacity = grown(run)
      this.reserve(capacity - run)
      this.slots = enlarged(this.slots, new Int32Array(capacity))
      this.ends = enlarged(this.ends, new Int32Array(capacity))
    }
    if (run > 0) this.ends[run - 1] = this.count
    this.slots[run] = slot
    this.runCount = run + 1
    this.lastSlot = slot
  }

  private growSamples(): void {
    const capacity = grown(this.count)
    this.reserve((capacity - this.count) * (this.keepsTimes ? 2 : 1))
    this.values = enlarged(this.values, new Float64Array(capacity))
    if (this.keepsTimes) this.times = enlarged(this.times, new Float64Array(capacity))
  }
}

const grown = (size: number): number => Math.max(CAPACITY_MIN, size * (size < SMALL_CAPACITY ? 4 : 2))

function enlarged<A extends Int32Array | Float64Array>(from: A, to: A): A {
  to.set(from)
  freeBuffer(from)
  return to
}

/** One part out of many, in order of slots; inside a slot samples stay as they came. */
function gathered(parts: ReadonlyArray<SampleColumns>, keepsTimes: boolean): SampleColumns {
  const { slots, ends, placeOf } = placesOf(parts)
  const count = ends.at(-1) ?? 0
  const values = new Float64Array(count)
  const times = new Float64Array(keepsTimes ? count : 0)
  for (const part of parts) {
    for (let i = 0; i < part.slots.length; i++) {
      const place = placeOf.get(part.slots[i]!)!
      placeOf.set(part.slots[i]!, copySamples(part, startOf(part, i), part.ends[i]!, { values, times }, place))
    }
  }
  return { slots, ends, values, times }
}

/** The distinct slots of all parts, in order, where the samples of each end and begin. */
function placesOf(parts: ReadonlyArray<SampleColumns>): { slots: Int32Array; ends: Int32Array; placeOf: Map<number, number> } {
  const sizes = new Map<number, number>()
  for (const part of parts) for (let i = 0; i < part.slots.length; i++) sizes.set(part.slots[i]!, (sizes.get(part.slots[i]!) ?? 0) + part.ends[i]! - startOf(part, i))
  const slots = Int32Array.from(sizes.keys()).sort()
  const ends = new Int32Array(slots.length)
  let end = 0
  for (let i = 0; i < slots.length; i++) {
    const size = sizes.get(slots[i]!)!
    sizes.set(slots[i]!, end)
    ends[i] = end += size
  }
  return { slots, ends, placeOf: sizes }
}

/** Samples `[from, to)` to where they are wanted from `place` on; returns the place behind them. */
export function copySamples({ values, times }: SampleColumns, from: number, to: number, into: Pick<SampleColumns, 'values' | 'times'>, place: number): number {
  const keepsTimes = times.length > 0
  let at = place
  for (let i = from; i < to; i++) {
    into.values[at] = values[i]!
    if (keepsTimes) into.times[at] = times[i]!
    at++
  }
  return at
}

/** Where the samples of a run begin. */
export const startOf = ({ ends }: SampleColumns, run: number): number => (run === 0 ? 0 : ends[run - 1]!)
