/** The statistics block of an answer, from what its scans say they read. Pure. */
import type { QueryData } from '../../protocols/logql/query-data.ts'
import { NO_STATISTICS, type QueryStatistics } from '../../protocols/logql/response-statistics.ts'
import type { ReadStatistics, ScanAnswer } from '../segments/segment-work.ts'

export function queryStatistics(
  answers: ReadonlyArray<ScanAnswer>,
  reads: ReadStatistics,
  data: QueryData,
  seconds: Pick<QueryStatistics, 'execSeconds' | 'queueSeconds'>,
): QueryStatistics {
  const total = (read: (stats: ScanAnswer['partial']['stats']) => number): number => answers.reduce((sum, answer) => sum + read(answer.partial.stats), 0)
  return {
    ...NO_STATISTICS,
    ...seconds,
    bytesProcessed: total((s) => s.bytesProcessed),
    linesProcessed: total((s) => s.linesProcessed),
    metadataBytesProcessed: total((s) => s.metadataBytesProcessed),
    linesPassed: total((s) => s.linesPassed),
    entriesReturned: data.kind === 'streams' ? data.entries.length : 0,
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
