/**
 * What segments cost and what they save, on the project's own data: CPU and size of encoding by part, and the share of a bucket that a cold search for an
 * absent and a present id reads. `node test/bench/segment.ts [MB]` prints it; `npm run bench` takes it in.
 */
import type { TenantId } from '../../protocols/model.ts'
import { encodeSegment, type EncodedSegment } from '../../storage/segment-encode.ts'
import { columnsFor, readFooter, SegmentReader } from '../../storage/segment-read.ts'
import { TestPartition } from '../support/cuts.ts'
import { seeded } from '../support/push-bodies.ts'
import { ALL } from '../support/segments.ts'
import { dataPushes, hex } from './data.ts'

const TENANT = 'bench' as TenantId
const CUT_BYTES = 64e6
const SEARCHES = 30
const T0 = 1_793_491_200_000_000_000n

interface Bucket {
  readonly segments: ReadonlyArray<EncodedSegment>
  readonly rawBytes: number
  readonly encodeCpuS: number
  /** Ids that some line has. */
  readonly present: ReadonlyArray<string>
}

function fill(rawBytes: number): Bucket {
  const segments: EncodedSegment[] = []
  const present: string[] = []
  let partition = new TestPartition()
  let open = 0
  let total = 0
  let cpuUs = 0
  let ns = T0
  const cut = (): void => {
    const before = process.cpuUsage()
    const first = segments.length + 1
    segments.push(encodeSegment(partition.cut({ first, last: first }), () => null))
    const used = process.cpuUsage(before)
    cpuUs += used.user + used.system
    total += open
    open = 0
    partition = new TestPartition()
  }
  for (const { labels, lines } of dataPushes(rawBytes)) {
    partition.push(TENANT, [{ labels, entries: lines.map((line) => ({ ns: (ns += 50_000n), line: Buffer.from(line) })) }])
    const id = /trace_id[=":]+([0-9a-f]{16})/.exec(lines[0]!)?.[1]
    if (id !== undefined) present.push(id)
    open += lines.reduce((sum, line) => sum + line.length, 0)
    if (open >= CUT_BYTES) cut()
  }
  if (open > 0) cut()
  return { segments, rawBytes: total, encodeCpuS: cpuUs / 1e6, present }
}

/** Bytes that a cold search for a literal reads, footers included. */
async function searchBytes(segments: ReadonlyArray<EncodedSegment>, literal: string): Promise<number> {
  let bytesRead = 0
  for (const { bytes, entry } of segments) {
    const read = async (offset: number, length: number): Promise<Buffer> => {
      bytesRead += length
      return bytes.subarray(offset, offset + length)
    }
    const reader = new SegmentReader(entry.key, await readFooter(entry.key, bytes.length, entry.footerBytes, read), read)
    const selection = await reader.select(TENANT, () => true, { ...ALL, literals: [[literal]] })
    if (selection === null) continue
    for await (const block of reader.load(selection, columnsFor({ lines: true, metadata: true, levels: true }))) block.lines()
  }
  return bytesRead
}

const mean = (values: ReadonlyArray<number>): number => values.reduce((a, b) => a + b, 0) / values.length

export async function benchSegment(rawBytes = 128e6): Promise<Record<string, string | number>> {
  const { segments, rawBytes: raw, encodeCpuS, present } = fill(rawBytes)
  const stored = segments.reduce((sum, s) => sum + s.bytes.length, 0)
  const random = seeded(11)
  const absent: number[] = []
  const found: number[] = []
  for (let i = 0; i < SEARCHES; i++) {
    absent.push(await searchBytes(segments, hex(random, 16)))
    found.push(await searchBytes(segments, present[Math.floor(random() * present.length)]!))
  }
  const percent = (bytes: ReadonlyArray<number>): string => `${((mean(bytes) / stored) * 100).toFixed(2)} % (at most ${((Math.max(...bytes) / stored) * 100).toFixed(2)} %)`
  return {
    'raw MB': Math.round(raw / 1e6),
    objects: segments.length,
    'stored / raw': (stored / raw).toFixed(4),
    'encode CPU s/GB': (encodeCpuS / (raw / 1e9)).toFixed(1),
    'read for an absent 16-digit id': percent(absent),
    'read for a present 16-digit id': percent(found),
  }
}

if (import.meta.filename === process.argv[1]) console.table(await benchSegment(Number(process.argv[2] ?? 128) * 1e6))
