/** Answers of a node as text for people. */
import { expect, it } from 'vitest'
import { renderRecord } from '../../bin/render-record.ts'

const ring = { node: 'a', partitions: [{ partition: 0, owner: 'node-1', lag: 0, bytes_per_second: 2_048 }, { partition: 11, owner: 'node-2' }] }

it('are a table where there is room, as through a pipe', () => {
  expect(renderRecord(ring)).toBe(`node  a
partitions
  partition  owner   lag  bytes_per_second
  0          node-1  0    2.0 KB
  11         node-2  -    -
`)
})

it('are tables below each other in a narrow terminal, each row with its first column', () => {
  expect(renderRecord(ring, 30)).toBe(`node  a
partitions
  partition  owner   lag
  0          node-1  0
  11         node-2  -

  partition  bytes_per_second
  0          2.0 KB
  11         -
`)
})
