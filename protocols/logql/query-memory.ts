/** The refusal of a query that needs more memory than one may use (Q4): what scans, merges and the querier throw alike, so that a user reads one message. */
import { SkaldError } from '../../runtime/errors.ts'
import { formatBytes } from './durations.ts'

export const overQueryMemory = (bytesMax: number): SkaldError =>
  new SkaldError(
    'query_limit',
    `the query needs more memory than one may use (limit: ${formatBytes(bytesMax)}, querier.query_memory); ask for fewer entries, aggregate, add more specific stream selectors or reduce the time range of the query`,
  )
