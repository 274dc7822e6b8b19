/** The page of a log query: which entries are in it, and in which order. */
import { describe, expect, it } from 'vitest'
import { EntryHeap } from '../../../protocols/logql/entry-heap.ts'

describe('an entry heap', () => {
  const push = (heap: EntryHeap, ns: bigint, line: string, arrival: number): void => heap.push({ ns, line, stream: 0, identity: line, arrival })
  const lines = (heap: EntryHeap): string[] => heap.sorted().map(({ line }) => line)

  it.each(['forward', 'backward'] as const)('keeps the best of its direction (%s), entries of one time in order of arrival', (direction) => {
    const heap = new EntryHeap(4, direction)
    const far = direction === 'forward' ? 9n : 1n
    const [near, nearer] = direction === 'forward' ? [5n, 4n] : [5n, 6n]
    push(heap, far, 'far', 0)
    push(heap, near, 'first', 1)
    push(heap, near, 'second', 2)
    push(heap, near, 'third', 3)
    push(heap, nearer, 'nearer', 4)
    expect(lines(heap)).toEqual(['nearer', 'first', 'second', 'third'])
    push(heap, nearer, 'nearer still', 5)
    expect(lines(heap)).toEqual(['nearer', 'nearer still', 'first', 'second'])
  })

  it('counts only lines that it holds against the memory of a query (Q4)', () => {
    const heap = new EntryHeap(2, 'backward', 700)
    for (let i = 0; i < 100; i++) push(heap, BigInt(i), `${i}`.padEnd(100, 'x'), i)
    expect(heap.sorted().map(({ ns }) => ns)).toEqual([99n, 98n])
    expect(() => push(heap, 100n, 'x'.repeat(200), 100)).toThrow('querier.query_memory')
  })
})
