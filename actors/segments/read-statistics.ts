/** Sums of what reads did and skipped: per task, per query, for the statistics block and `explain`. */
import { noSkips } from '../../storage/segment-select.ts'
import type { ReadStatistics } from './segment-work.ts'

export function emptyStatistics(): ReadStatistics {
  return { ...noSkips(), segments: 0, segmentsSkippedByTime: 0, segmentsFromCache: 0, bytesFetched: 0 }
}

export function sumStatistics(all: ReadonlyArray<ReadStatistics>): ReadStatistics {
  const sum = emptyStatistics()
  for (const one of all) {
    for (const key of Object.keys(sum) as Array<keyof ReadStatistics>) sum[key] += one[key]
  }
  return sum
}
