import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { decodePushBatches } from '../../protocols/push/decode-protobuf.ts'
import { SlabPool } from '../../storage/slab-pool.ts'
import { newSlabMemory, Slab, slabColumns, type SlabDescriptor } from '../../storage/slab.ts'
import { withoutDuplicates } from '../../storage/slab-duplicates.ts'
import { headBlocks } from '../../storage/slab-head.ts'
import { parseLabels, TestPartition } from '../support/cuts.ts'
import { levelsByRow } from '../support/levels.ts'
import { pushBody } from '../support/push-bodies.ts'

const T0 = 1_700_000_000_000_000_000n
const entry = (offsetMs: number, line: string, metadata: Record<string, string> = {}) => ({ ns: T0 + BigInt(offsetMs) * 1_000_000n, line: Buffer.from(line), metadata: Object.entries(metadata) })
const batchOf = (...streams: Array<{ labels: string; entries: ReturnType<typeof entry>[] }>) => decodePushBatches(pushBody(streams))[0]!
const linesOf = (slab: SlabDescriptor, from: number, to: number): string[] => {
  const { bytes, starts, lengths } = slabColumns(slab)
  return Array.from({ length: to - from }, (_, k) => bytes.toString('utf8', starts[from + k], starts[from + k]! + lengths[from + k]!))
}

describe('slab', () => {
  it('keeps what is appended, and a descriptor stays true while appends go on', () => {
    const slab = new Slab(1, T0)
    expect(slab.append(batchOf({ labels: '{a="1"}', entries: [entry(0, 'one'), entry(1, 'two')] }))).toBe(0)
    const before = slab.descriptor()
    expect(slab.append(batchOf({ labels: '{a="2"}', entries: [entry(5, 'three')] }))).toBe(2)
    expect(before.rowCount).toBe(2)
    expect(linesOf(before, 0, 2)).toEqual(['one', 'two'])
    expect(linesOf(slab.descriptor(), 0, 3)).toEqual(['one', 'two', 'three'])
    expect(slab.columns.relativeNs[2]).toBe(5_000_000)
  })

  it('takes some streams of a batch', () => {
    const batch = batchOf({ labels: '{a="1"}', entries: [entry(0, 'one')] }, { labels: '{a="2"}', entries: [entry(1, 'two'), entry(2, 'three')] }, { labels: '{a="3"}', entries: [entry(3, 'four')] })
    const slab = new Slab(1, batch.baseNs)
    expect(slab.append(batch, 1, 2)).toBe(0)
    expect(linesOf(slab.descriptor(), 0, slab.rowCount)).toEqual(['two', 'three'])
  })

  it('lays rows that came out of time order out so that line starts ascend', () => {
    const slab = new Slab(1, T0)
    slab.append(batchOf({ labels: '{a="1"}', entries: [entry(9, 'late', { k: 'v' }), entry(1, 'early'), entry(5, 'middle', { k: 'w' })] }))
    expect(linesOf(slab.descriptor(), 0, 3)).toEqual(['early', 'middle', 'late'])
    expect([...slab.columns.starts.subarray(0, 3)]).toEqual([...slab.columns.starts.subarray(0, 3)].sort((a, b) => a - b))
    const [block] = headBlocks([slab.descriptor()], [{ labels: [], slab: 1, from: 0, to: 3 }], null)
    expect([...block!.metadata()!.codes].map((c) => block!.metadata()!.sets[c]![0]?.[1])).toEqual([undefined, 'w', 'v'])
  })

  it('is full without room for bytes, rows or a time', () => {
    const small = batchOf({ labels: '{a="1"}', entries: [entry(0, 'x'.repeat(50)), entry(1, 'y')] })
    expect(new Slab(1, T0, newSlabMemory(60, 100)).append(small)).toBe('full')
    expect(new Slab(1, T0, newSlabMemory(600, 1)).append(small)).toBe('full')
    expect(new Slab(1, T0 - 100n * 86_400_000_000_000n).append(small)).toBe('full')
    expect(new SlabPool(0).open(1, batchOf({ labels: '{a="1"}', entries: [entry(0, 'x'.repeat(6_000_000))] })).heldBytes).toBeGreaterThan(6_000_000)
  })

  it('is read by another thread', async () => {
    const slab = new Slab(1, T0)
    slab.append(batchOf({ labels: '{a="1"}', entries: [entry(0, 'across')] }))
    const worker = new Worker(`const { parentPort } = require('node:worker_threads'); parentPort.once('message', (d) => parentPort.postMessage(Buffer.from(d.bytes).includes('across')))`, { eval: true })
    const answer = new Promise((resolve) => worker.once('message', resolve))
    worker.postMessage(slab.descriptor())
    expect(await answer).toBe(true)
    await worker.terminate()
  })
})

describe('duplicates', () => {
  function apply(...pushes: Array<ReturnType<typeof entry>[]>): string[] {
    const partition = new TestPartition()
    const kept: Array<{ slab: number; from: number; to: number }> = []
    for (const entries of pushes) {
      const [run] = partition.push('t', [{ labels: '{a="1"}', entries }])
      kept.push(...withoutDuplicates((id) => partition.slabs[id]!, run!, kept))
    }
    return kept.flatMap((run) => linesOf(partition.slabs[run.slab]!.descriptor(), run.from, run.to))
  }

  it('drops an entry of equal time, line and metadata, within a push and against earlier ones', () => {
    expect(apply([entry(0, 'a'), entry(0, 'b'), entry(0, 'a'), entry(1, 'a')])).toEqual(['a', 'b', 'a'])
    expect(apply([entry(0, 'a'), entry(1, 'b'), entry(2, 'c')], [entry(1, 'b'), entry(2, 'x')], [entry(2, 'x'), entry(3, 'c')])).toEqual(['a', 'b', 'c', 'x', 'c'])
  })

  it('keeps entries that differ in metadata or only begin alike', () => {
    expect(apply([entry(0, 'a', { k: 'v' })], [entry(0, 'a')], [entry(0, 'a', { k: 'v' })], [entry(0, 'ab')])).toEqual(['a', 'a', 'ab'])
  })

  it('drops a repeated push whole, also of thousands of equal times', () => {
    const crowd = Array.from({ length: 5000 }, (_, i) => entry(7, `line ${i % 4000}`))
    expect(apply(crowd).length).toBe(4000)
    expect(apply(crowd, crowd).length).toBe(4000)
  })

  it('finds equal times across slabs of different bases', () => {
    const big = 'z'.repeat(3_000_000)
    expect(apply([entry(1000, 'a'), entry(2000, big)], [entry(500, big), entry(1000, 'a'), entry(2000, big)]).length).toBe(3)
  })
})

describe('head blocks', () => {
  it('show the runs that are asked for, with levels and metadata', () => {
    const partition = new TestPartition()
    const [one, two] = partition.push('t', [
      { labels: '{a="1"}', entries: [entry(0, 'first', { trace: 'x' }), entry(1, 'second')] },
      { labels: '{a="2"}', entries: [entry(5, 'third')] },
    ])
    const [block] = headBlocks(
      partition.slabs.map((s) => s.descriptor()),
      [
        { ...two!, labels: parseLabels('{a="2"}') },
        { ...one!, from: one!.from + 1, labels: parseLabels('{a="1"}') },
      ],
      levelsByRow((labels, _metadata, bytes, from, to) => `${labels[0]![1]}-${bytes.toString('utf8', from, to)}`),
    )
    expect(block!.rowCount).toBe(2)
    expect(block!.runs.map((r) => [r.labels[0]![1], r.from, r.to])).toEqual([
      ['1', 0, 1],
      ['2', 1, 2],
    ])
    const { bytes, starts, lengths } = block!.lines()
    expect(bytes.toString('utf8', starts[0], starts[0]! + lengths[0]!)).toBe('second')
    expect([...block!.levels()!.codes].map((c) => block!.levels()!.values[c])).toEqual(['1-second', '2-third'])
    expect(block!.metadata()).toBeNull()
    expect([block!.minNs, block!.maxNs]).toEqual([T0 + 1_000_000n, T0 + 5_000_000n])
  })
})
