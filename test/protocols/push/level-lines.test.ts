/** Many lines at once get the levels that each gets alone, byte by byte. */
import { describe, expect, it } from 'vitest'
import { LIMIT_DEFAULTS } from '../../../protocols/limits.ts'
import type { LineColumn } from '../../../protocols/model.ts'
import { LineLevels } from '../../../protocols/push/level-lines.ts'
import { LEVEL_TEXT_BYTES_MAX } from '../../../protocols/push/level-wasm.ts'
import { LEVEL_NAMES } from '../../../protocols/push/level-words.ts'
import { logLine } from '../../bench/data.ts'
import { seeded } from '../../support/push-bodies.ts'

const levels = new LineLevels({ fields: LIMIT_DEFAULTS.log_level_fields, jsonDepthMax: 2 })

/** The lines with the given bytes between them. */
function columnOf(lines: ReadonlyArray<Buffer>, between: (row: number) => Buffer = () => Buffer.alloc(0)): LineColumn {
  const starts = new Uint32Array(lines.length)
  const parts: Buffer[] = []
  let at = 0
  for (const [row, line] of lines.entries()) {
    const gap = between(row)
    parts.push(gap, line)
    starts[row] = at + gap.length
    at += gap.length + line.length
  }
  return { bytes: Buffer.concat([...parts, Buffer.from(' error level=fatal')]), starts, lengths: Uint32Array.from(lines, (line) => line.length) }
}

function check(column: LineColumn): Set<string> {
  const { bytes, starts, lengths } = column
  const codes = new Uint8Array(starts.length).fill(255)
  levels.codesOf(column, 0, starts.length, codes)
  for (let row = 0; row < starts.length; row++) {
    const alone = levels.codeOf(bytes, starts[row]!, starts[row]! + lengths[row]!)
    if (codes[row] !== alone) expect.fail(`row ${row}: ${LEVEL_NAMES[codes[row]!]}, alone ${LEVEL_NAMES[alone]}: ${bytes.toString('latin1', starts[row], starts[row]! + lengths[row]!).slice(0, 300)}`)
  }
  return new Set(Array.from(codes, (code) => LEVEL_NAMES[code]!))
}

const GAPS = [Buffer.from('error '), Buffer.from('='), Buffer.from('{}'), Buffer.alloc(0), Buffer.from('x'.repeat(300)), Buffer.from('"inf')]

describe('levels of many lines', () => {
  it('of a log', () => {
    const random = seeded(21)
    const lines = Array.from({ length: 4000 }, (_, i) => Buffer.from(logLine(random, i)))
    expect(check(columnOf(lines)).size).toBeGreaterThan(2)
    check(columnOf(lines, (row) => GAPS[row % GAPS.length]!))
  })

  it('of words and edges in any order', () => {
    const random = seeded(22)
    const words = ['trace', 'DEBUG', 'Fatal', 'critical', 'error', 'err', 'ERR', 'warning', 'warn', 'info', 'inf', 'information', 'terror', 'in', 'er', 'level', 'lvl', '{"level":"', '"}', 'level="warn"', '\u00e9']
    const edges = [...' \t\n[](){}:,!"-.x=', '']
    const line = (): Buffer => Buffer.from(Array.from({ length: Math.floor(random() * 12) }, () => words[Math.floor(random() * words.length)]! + edges[Math.floor(random() * edges.length)]!).join(''))
    for (let round = 0; round < 300; round++) {
      const lines = Array.from({ length: 100 }, line)
      check(columnOf(lines))
      check(columnOf(lines, () => GAPS[Math.floor(random() * GAPS.length)]!))
    }
  })

  it('of any bytes, upper and lower half of the table alike', () => {
    const random = seeded(23)
    const alphabet = [...'eErRoOiInNfF =\u0005\u0012\u0085'].map((c) => Buffer.from(c, 'latin1'))
    for (let round = 0; round < 100; round++) check(columnOf(Array.from({ length: 50 }, () => Buffer.concat(Array.from({ length: Math.floor(random() * 70) }, () => alphabet[Math.floor(random() * alphabet.length)]!)))))
  })

  it('of lines as long as a look, longer, and around its end', () => {
    const long = (bytes: number): Buffer => Buffer.from(`${'x'.repeat(bytes - 6)} error`)
    check(columnOf([long(LEVEL_TEXT_BYTES_MAX), long(LEVEL_TEXT_BYTES_MAX + 1), Buffer.from('info'), long(LEVEL_TEXT_BYTES_MAX - 4), Buffer.from('info'), Buffer.from('info'), Buffer.alloc(0), long(40)]))
  })

  it('of a part of the rows, leaving the others', () => {
    const column = columnOf(['info a', 'error b', 'warn c', 'debug d'].map((line) => Buffer.from(line)))
    const codes = new Uint16Array(4).fill(99)
    levels.codesOf(column, 1, 3, codes)
    expect([...codes].map((code) => LEVEL_NAMES[code] ?? code)).toEqual([99, 'error', 'warn', 99])
  })
})
