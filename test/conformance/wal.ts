/** What every write-ahead log does, whatever is behind it. Each implementation runs this from its own test. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Sequence } from '../../protocols/model.ts'
import type { Wal } from '../../storage/wal.ts'

export interface OpenedWal {
  readonly wal: Wal
  /** A second log with a small limit, over the same kind of server. */
  readonly limited: { readonly wal: Wal; readonly bytesMax: number; readonly partition: number }
  close(): Promise<void>
}

const DEADLINE_MS = 5_000
const READ_BYTES = 1024 * 1024

/** An append that has its place in the log at once. */
export async function placed(append: Promise<Sequence | null>): Promise<Sequence> {
  const sequence = await append
  if (sequence === null) throw new Error('the record took a detour')
  return sequence
}

export function walConformance(name: string, openWal: () => Promise<OpenedWal>): void {
  describe(`wal: ${name}`, () => {
    let opened: OpenedWal
    let wal: Wal
    let partition = 100
    beforeAll(async () => {
      opened = await openWal()
      wal = opened.wal
    })
    afterAll(async () => {
      await opened?.close()
    })
    const fresh = async (): Promise<number> => {
      await wal.open(++partition, 0)
      return partition
    }
    const fill = (p: number, count: number, sizeBytes = 20): Promise<number[]> =>
      Promise.all(Array.from({ length: count }, (_, i) => placed(wal.append(p, `r${i}`, record(i, sizeBytes), DEADLINE_MS))))

    it('is empty at first', async () => {
      const p = await fresh()
      expect(await wal.state(p)).toEqual({ first: 1, last: 0, sizeBytes: 0 })
      expect(await wal.read(p, 1, READ_BYTES)).toEqual([])
      expect(await wal.read(p, 0, READ_BYTES)).toEqual([])
    })

    it('acknowledges with the sequence, and reads back what was appended (W1)', async () => {
      const p = await fresh()
      expect(await wal.append(p, 'a', Buffer.from('one'), DEADLINE_MS)).toBe(1)
      expect(await wal.append(p, 'b', Buffer.from('two'), DEADLINE_MS)).toBe(2)
      const records = await wal.read(p, 1, READ_BYTES)
      expect(records.map((r) => [r.sequence, r.bytes.toString()])).toEqual([[1, 'one'], [2, 'two']])
      expect(await wal.state(p)).toMatchObject({ first: 1, last: 2 })
    })

    it('stores a record once when it is appended twice under one id', async () => {
      const p = await fresh()
      const first = await wal.append(p, 'same', record(1, 50), DEADLINE_MS)
      expect(await wal.append(p, 'same', record(1, 50), DEADLINE_MS)).toBe(first)
      expect(await wal.read(p, 1, READ_BYTES)).toHaveLength(1)
    })

    it('has given every record its place when it has settled', async () => {
      const p = await fresh()
      await fill(p, 2)
      await wal.settle(p)
      expect(await wal.state(p)).toMatchObject({ first: 1, last: 2 })
    })

    it('keeps partitions apart, ids included', async () => {
      const [p, q] = [await fresh(), await fresh()]
      await wal.append(p, 'x', Buffer.from('p'), DEADLINE_MS)
      await wal.append(q, 'x', Buffer.from('q'), DEADLINE_MS)
      expect((await wal.read(q, 1, READ_BYTES)).map((r) => r.bytes.toString())).toEqual(['q'])
    })

    it('takes many appends at once, each one with its own sequence', async () => {
      const p = await fresh()
      const sequences = await fill(p, 500)
      expect(new Set(sequences).size).toBe(500)
      const records = await wal.read(p, 1, READ_BYTES)
      expect(records.map((r) => r.sequence)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1))
      const bySequence = new Map(sequences.map((s, i) => [s, record(i, 20)]))
      expect(records.every((r) => r.bytes.equals(bySequence.get(r.sequence)!))).toBe(true)
    })

    it('reads from any sequence, in order, about as many bytes as asked for and at least one record', async () => {
      const p = await fresh()
      await fill(p, 40, 10_000)
      const some = await wal.read(p, 11, 50_000)
      expect(some[0]?.sequence).toBe(11)
      expect(some.length).toBeGreaterThanOrEqual(1)
      expect(some.length).toBeLessThanOrEqual(7)
      expect((await wal.read(p, 40, 1)).map((r) => r.sequence)).toEqual([40])
      expect(await wal.read(p, 41, READ_BYTES)).toEqual([])
      const seen: number[] = []
      for (let from = 1; ; ) {
        const records = await wal.read(p, from, 35_000)
        if (records.length === 0) break
        seen.push(...records.map((r) => r.sequence))
        from = records.at(-1)!.sequence + 1
      }
      expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
    })

    it('purges through a sequence, once or twice, and passes over what is gone (F1)', async () => {
      const p = await fresh()
      await fill(p, 10)
      await wal.purge(p, 4)
      await wal.purge(p, 4)
      await wal.purge(p, 2)
      expect(await wal.state(p)).toMatchObject({ first: 5, last: 10 })
      expect((await wal.read(p, 1, READ_BYTES)).map((r) => r.sequence)).toEqual([5, 6, 7, 8, 9, 10])
      await wal.purge(p, 10)
      expect(await wal.state(p)).toEqual({ first: 11, last: 10, sizeBytes: 0 })
      expect(await wal.append(p, 'next', record(1, 10), DEADLINE_MS)).toBe(11)
    })

    it('tells which records lie where, by their ids, and of none that is purged or not there', async () => {
      const p = await fresh()
      await fill(p, 12, 10_000)
      await wal.purge(p, 3)
      const all = await wal.recordIds(p, 1, 12)
      expect(all.map(({ sequence }) => sequence)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12])
      const records = await wal.read(p, 1, READ_BYTES)
      expect(all.map(({ id }) => id)).toEqual(records.map(({ bytes }) => `r${bytes.readUInt32LE(0)}`))
      expect(await wal.recordIds(p, 6, 8)).toEqual(all.slice(2, 5))
      expect(await wal.recordIds(p, 12, 40)).toEqual(all.slice(8))
      expect(await wal.recordIds(p, 1, 3)).toEqual([])
      expect(await wal.recordIds(p, 13, 40)).toEqual([])
      await wal.purge(p, 12)
      expect(await wal.recordIds(p, 1, 12)).toEqual([])
    })

    it('keeps what is there when it is opened again', async () => {
      const p = await fresh()
      await fill(p, 3)
      await wal.open(p, 0)
      expect(await wal.state(p)).toMatchObject({ first: 1, last: 3 })
    })

    it('begins a new log behind what is stored already, so that sequences never repeat', async () => {
      const p = ++partition
      await wal.open(p, 5000)
      const { first, last } = await wal.state(p)
      expect(last).toBeGreaterThanOrEqual(5000)
      expect(first).toBe(last + 1)
      expect(await wal.read(p, 5001, READ_BYTES)).toEqual([])
      const sequence = await placed(wal.append(p, 'a', record(1, 10), DEADLINE_MS))
      expect(sequence).toBe(first)
      expect((await wal.read(p, 5001, READ_BYTES)).map((r) => r.sequence)).toEqual([sequence])
      await wal.open(p, sequence)
      expect(await wal.append(p, 'b', record(1, 10), DEADLINE_MS)).toBe(sequence + 1)
    })

    it('carries a trace with its record, and none with another', async () => {
      const p = await fresh()
      const traceParent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
      await wal.append(p, 'traced', record(1, 10), DEADLINE_MS, traceParent)
      await wal.append(p, 'untraced', record(2, 10), DEADLINE_MS)
      expect((await wal.read(p, 1, READ_BYTES)).map((r) => r.traceParent)).toEqual([traceParent, undefined])
    })

    it('keeps a record of a megabyte, byte for byte', async () => {
      const p = await fresh()
      const large = record(7, 1_000_000)
      await wal.append(p, 'large', large, DEADLINE_MS)
      expect((await wal.read(p, 1, 10))[0]?.bytes.equals(large)).toBe(true)
    })

    it('refuses with wal_full over its limit, and takes records again after a purge (W4)', async () => {
      const { wal: small, bytesMax, partition: p } = opened.limited
      await small.open(p, 0)
      let accepted = 0
      const failure = await (async () => {
        for (let i = 0; i < 1000; i++) {
          await small.append(p, `f${i}`, record(i, 10_000), DEADLINE_MS)
          accepted++
        }
      })().catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'wal_full', status: 503, retryAfterS: 5 })
      expect(accepted * 10_000).toBeLessThanOrEqual(bytesMax)
      await small.purge(p, accepted)
      expect(await small.append(p, 'after', record(1, 10_000), DEADLINE_MS)).toBe(accepted + 1)
    })
  })
}

export function record(i: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes, `record ${i} `)
  bytes.writeUInt32LE(i, 0)
  return bytes
}
