/** The statistics block of an answer, from what its scans say they read. Pure. */
import { NO_STATISTICS, type QueryStatistics } from '../../protocols/logql/response-statistics.ts'
import type { ScanStats } from '../../protocols/logql/scan.ts'
import type { ReadStatistics } from '../segments/segment-work.ts'
import type { ScannedParts } from './partial-sum.ts'

export function queryStatistics(
  answers: ReadonlyArray<ScannedParts>,
  reads: ReadStatistics,
  entriesReturned: number,
  seconds: Pick<QueryStatistics, 'execSeconds' | 'queueSeconds'>,
): QueryStatistics {
  const total = (read: (stats: ScanStats) => number): number => answers.reduce((sum, { partials }) => partials.reduce((all, { stats }) => all + read(stats), sum), 0)
  return {
    ...NO_STATISTICS,
    ...seconds,
    bytesProcessed: total((s) => s.bytesProcessed),
    linesProcessed: total((s) => s.linesProcessed),
    metadataBytesProcessed: total((s) => s.metadataBytesProcessed),
    linesPassed: total((s) => s.linesPassed),
    entriesReturned,
    subqueries: answers.length,
    splits: reads.segments,
    shards: reads.blocks,
    store: {
      chunksReferenced: reads.chunks,
      chunksRead: reads.chunks - reads.chunksSkippedByLabels - reads.chunksSkippedByTime,
      bytesProcessed: total((s) => s.bytesProcessed),
      linesProcessed: total((s) => s.linesProcessed),
      linesPassed: total((s) => s.linesPassed),
      compressedBytes: reads.bytesFetched,
    },
  }
}
