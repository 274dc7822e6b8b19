/** Level derivers from functions of one row, and the other way round, for tests that think in rows. */
import type { Labels } from '../../protocols/model.ts'
import type { LevelsOf } from '../../protocols/push/level.ts'

/** The level of one line: of its stream's labels, its structured metadata and `bytes[from..to)`. */
export type LevelOf = (labels: Labels, metadata: Labels, bytes: Buffer, from: number, to: number) => string

export function levelsByRow(levelOf: LevelOf): LevelsOf {
  return ({ runs, metadata, lines: { bytes, starts, lengths } }) => {
    const values = ['']
    const codes = new Uint16Array(lengths.length)
    for (const { labels, from, to } of runs) {
      for (let row = from; row < to; row++) {
        const level = levelOf(labels, metadata?.sets[metadata.codes[row]!] ?? [], bytes, starts[row]!, starts[row]! + lengths[row]!)
        codes[row] = values.includes(level) ? values.indexOf(level) : values.push(level) - 1
      }
    }
    return { codes, values }
  }
}

export function oneByOne(levelsOf: LevelsOf): LevelOf {
  return (labels, metadata, bytes, from, to) => {
    const lines = { bytes, starts: Uint32Array.of(from), lengths: Uint32Array.of(to - from) }
    const { codes, values } = levelsOf({ runs: [{ labels, from: 0, to: 1 }], metadata: { codes: Uint32Array.of(1), sets: [[], metadata] }, lines })
    return values[codes[0]!]!
  }
}
