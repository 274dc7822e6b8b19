/** Samples come out in order of slots, none lost, however they came in. */
import { describe, expect, it } from 'vitest'
import { KeptSamples, type SampleColumns } from '../../../protocols/logql/kept-samples.ts'
import { drawFrom, type Draw } from '../../support/random-entries.ts'

type Sample = readonly [slot: number, value: number, timeNs: number]

const samplesIn = ({ slots, ends, values, times }: SampleColumns): Sample[] =>
  [...slots].flatMap((slot, i) => Array.from({ length: ends[i]! - (ends[i - 1] ?? 0) }, (_, k): Sample => [slot, values[(ends[i - 1] ?? 0) + k]!, times[(ends[i - 1] ?? 0) + k] ?? -1]))

const sorted = (samples: ReadonlyArray<Sample>): Sample[] => [...samples].sort((a, b) => a[0] - b[0] || a[1] - b[1])

function random(draw: Draw, count: number): Sample[] {
  let slot = 0
  return Array.from({ length: count }, (_, i) => {
    slot = draw(4) === 0 ? draw(30) : slot
    return [slot, i, i * 10]
  })
}

function keep(samples: ReadonlyArray<Sample>, keepsTimes: boolean, reserved = { numbers: 0 }): KeptSamples {
  const kept = new KeptSamples(keepsTimes, (numbers) => (reserved.numbers += numbers))
  for (const [slot, value, timeNs] of samples) kept.add(slot, value, timeNs)
  return kept
}

describe('kept samples', () => {
  it.each([0, 1, 3, 50, 20_000])('%i of them come out by slot', (count) => {
    const samples = random(drawFrom(count), count)
    for (const keepsTimes of [true, false]) {
      const parts = keep(samples, keepsTimes).inOrder()
      for (const { slots } of parts) expect([...slots]).toEqual([...new Set(slots)].sort((a, b) => a - b))
      expect(sorted(parts.flatMap(samplesIn))).toEqual(sorted(keepsTimes ? samples : samples.map(([slot, value]) => [slot, value, -1])))
    }
  })

  it.each([2, 40])('of %i places are put together in few parts', (places) => {
    const draw = drawFrom(places)
    const each = Array.from({ length: places }, () => random(draw, 1 + draw(40)))
    const all = new KeptSamples(true, () => undefined)
    for (const samples of each) all.addAll(keep(samples, true).inOrder())
    const parts = all.inOrder()
    expect(parts.length).toBeLessThanOrEqual(32)
    expect(sorted(parts.flatMap(samplesIn))).toEqual(sorted(each.flat()))
  })

  it('are counted before they are held', () => {
    const reserved = { numbers: 0 }
    const kept = keep(random(drawFrom(1), 10_000), true, reserved)
    expect(reserved.numbers).toBeGreaterThanOrEqual(20_000)
    expect(() => new KeptSamples(false, () => { throw new Error('refused') }).addAll(kept.inOrder())).toThrow('refused')
  })
})
