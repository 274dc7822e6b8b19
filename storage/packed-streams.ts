/**
 * Streams of a head or a cut as they cross to another thread: a text and three columns for hundreds of streams. Objects by the stream would be copied one by one on the
 * event loop, which 50,000 of them held up for 200 ms. Packed by a partition's owner, unpacked in the threads that scan and encode.
 */
import { parseCanonicalLabels } from '../protocols/labels.ts'
import type { StreamCut } from './segment-encode.ts'
import type { RowRun } from './slab.ts'

export interface StreamRows extends Omit<StreamCut, 'labels'> {
  /** Canonical. */
  readonly labelsText: string
}

/** Structured-clone safe. */
export interface PackedStreams {
  readonly count: number
  readonly rowCount: number
  /** The streams' label texts, one a line: a canonical text has no line break in it. */
  readonly labels: string
  /** Of each stream, where its runs end. */
  readonly runEnds: Uint32Array
  /** Of each run: slab, first row, row behind the last. */
  readonly runs: Uint32Array
  /** Of each stream: `receivedMinMs`, `receivedMaxMs`. */
  readonly received: Float64Array
}

const RUN_WORDS = 3

export function packStreams(streams: ReadonlyArray<StreamRows>): PackedStreams {
  const runEnds = new Uint32Array(streams.length)
  const received = new Float64Array(2 * streams.length)
  const runs = new Uint32Array(RUN_WORDS * streams.reduce((sum, stream) => sum + stream.runs.length, 0))
  let [at, rowCount] = [0, 0]
  for (const [i, stream] of streams.entries()) {
    for (const { slab, from, to } of stream.runs) {
      runs[RUN_WORDS * at] = slab
      runs[RUN_WORDS * at + 1] = from
      runs[RUN_WORDS * at + 2] = to
      rowCount += to - from
      at++
    }
    runEnds[i] = at
    received[2 * i] = stream.receivedMinMs
    received[2 * i + 1] = stream.receivedMaxMs
  }
  return { count: streams.length, rowCount, labels: streams.map(({ labelsText }) => labelsText).join('\n'), runEnds, runs, received }
}

export function unpackStreams({ count, labels, runEnds, runs, received }: PackedStreams): StreamCut[] {
  if (count === 0) return []
  let at = 0
  return labels.split('\n').map((text, i) => {
    const own: RowRun[] = []
    for (; at < runEnds[i]!; at++) own.push({ slab: runs[RUN_WORDS * at]!, from: runs[RUN_WORDS * at + 1]!, to: runs[RUN_WORDS * at + 2]! })
    return { labels: parseCanonicalLabels(text), receivedMinMs: received[2 * i]!, receivedMaxMs: received[2 * i + 1]!, runs: own }
  })
}

/** Ids of the slabs that the runs lie in, ascending. */
export function slabIdsOf(parts: ReadonlyArray<PackedStreams>): number[] {
  const ids = new Set<number>()
  for (const { runs } of parts) for (let at = 0; at < runs.length; at += RUN_WORDS) ids.add(runs[at]!)
  return [...ids].sort((a, b) => a - b)
}
