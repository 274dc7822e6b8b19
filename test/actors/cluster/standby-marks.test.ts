/** Which rows of a standby are left out of an answer, to the row (Q1). */
import { describe, expect, it } from 'vitest'
import type { PartitionHead } from '../../../actors/partition/partition-head.ts'
import { behind, StandbyMarks } from '../../../actors/cluster/standby-marks.ts'
import type { StreamRows } from '../../../storage/packed-streams.ts'

const headAt = (id: number, rowCount: number): PartitionHead => ({ slabs: [{ id, rowCount }] }) as unknown as PartitionHead
const stream = (name: string, ...runs: Array<[slab: number, from: number, to: number]>): StreamRows => ({
  labelsText: name, receivedMinMs: 0, receivedMaxMs: 0, runs: runs.map(([slab, from, to]) => ({ slab, from, to })),
})
const rowsOf = (streams: ReadonlyArray<StreamRows>): string[] => streams.map(({ labelsText, runs }) => `${labelsText}: ${runs.map(({ slab, from, to }) => `${slab}[${from},${to})`).join(' ')}`)

describe('marks of a standby', () => {
  const marks = new StandbyMarks()
  // Records 11 to 15 end at these rows; 14 begins a slab.
  for (const [sequence, slab, row] of [[11, 1, 5], [12, 1, 9], [13, 1, 9], [14, 2, 4], [15, 2, 10]] as const) marks.note(sequence, headAt(slab, row))
  const streams = [stream('old', [1, 0, 5]), stream('both', [1, 5, 9], [2, 0, 4]), stream('new', [2, 4, 10])]

  it.each([
    [10, ['old: 1[0,5)', 'both: 1[5,9) 2[0,4)', 'new: 2[4,10)']],
    [11, ['both: 1[5,9) 2[0,4)', 'new: 2[4,10)']],
    [13, ['both: 2[0,4)', 'new: 2[4,10)']],
    [14, ['new: 2[4,10)']],
    [15, []],
  ])('leave out what is stored up to %i', (checkpoint, rows) => {
    expect(rowsOf(behind(streams, marks.endOf(checkpoint)))).toEqual(rows)
  })

  it('cut a run in two where a record ends within it', () => {
    expect(rowsOf(behind([stream('long', [1, 2, 9])], marks.endOf(11)))).toEqual(['long: 1[5,9)'])
  })

  it('forget records whose rows are gone', () => {
    const few = new StandbyMarks()
    few.note(1, headAt(1, 3))
    few.note(2, headAt(1, 6))
    few.dropThrough(1)
    expect(few.endOf(1)).toBeUndefined()
    expect(few.endOf(2)).toMatchObject({ row: 6 })
  })
})
