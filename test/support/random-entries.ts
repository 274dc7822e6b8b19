/** Random streams for property tests, from a seed: times on and off window edges, equal times, structured metadata with numbers. */
import type { TestEntry, TestStream } from './blocks.ts'

export type Draw = (below: number) => number

/** A small generator (mulberry32): tests must repeat. */
export function drawFrom(seed: number): Draw {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

export const pick = <T>(draw: Draw, values: ReadonlyArray<T>): T => values[draw(values.length)]!

/** Lines differ, so nothing is an exact duplicate. */
export function randomStreams(draw: Draw, options: { readonly startNs: bigint; readonly seconds: number; readonly streams: number; readonly rows: number }): TestStream[] {
  let serial = 0
  return Array.from({ length: options.streams }, (_, i) => ({
    labels: { app: `app-${i % 3}`, pod: `pod-${i}` },
    entries: Array.from({ length: draw(options.rows) + 1 }, (): TestEntry => ({
      ns: options.startNs + BigInt(draw(options.seconds)) * 1_000_000_000n + (draw(3) === 0 ? BigInt(draw(1_000_000_000)) : 0n),
      line: `line ${serial++} ${'x'.repeat(draw(20))}`,
      metadata: draw(5) === 0 ? { kind: pick(draw, ['a', 'b']) } : { v: String(draw(1000) / 8), kind: pick(draw, ['a', 'b']) },
    })),
  }))
}

/** The same entries cut into blocks, each in some shard. */
export function splitStreams(draw: Draw, streams: ReadonlyArray<TestStream>, parts: number): TestStream[][] {
  const pieces: TestStream[][] = Array.from({ length: parts }, () => [])
  for (const { labels, entries } of streams) {
    const byPart: TestEntry[][] = Array.from({ length: parts }, () => [])
    for (const entry of entries) byPart[draw(parts)]!.push(entry)
    for (const [i, part] of byPart.entries()) if (part.length > 0) pieces[i]!.push({ labels, entries: part })
  }
  return pieces
}
