/**
 * What a query would read, before it runs: bounded from above by the catalog, and where that is too much to let it pass, exactly from the segments' footers. Behind
 * `max_query_bytes_read`, `max_querier_bytes_read` and the cost limit of `{}`.
 */
import { SkaldError } from '../../runtime/errors.ts'
import type { Limits } from '../../protocols/limits.ts'
import { formatBytes } from '../../protocols/logql/durations.ts'
import { scanTimes } from '../../protocols/logql/scan-needs.ts'
import type { ScanPlan } from '../../protocols/logql/scan.ts'
import type { SegmentEntry } from '../../storage/catalog.ts'
import type { Querier } from './querier.ts'
import type { Services } from '../services.ts'

export interface CostQuestion {
  readonly tenant: string
  readonly scans: ReadonlyArray<ScanPlan>
  readonly signal: AbortSignal
}

/** Bytes of lines that the scans may read at most. Reads nothing. */
export function costBound(services: Services, tenant: string, scans: ReadonlyArray<ScanPlan>): number {
  const heads = services.budget.usedBytes('heads')
  return scans.reduce((sum, plan) => sum + heads + segmentsOf(services, tenant, plan).reduce((bytes, { rawBytes }) => bytes + rawBytes, 0), 0)
}

function segmentsOf({ catalog, partitionCount }: Services, tenant: string, plan: ScanPlan): SegmentEntry[] {
  const { minNs, maxNs } = scanTimes(plan)
  const partitions = Array.from({ length: partitionCount() }, (_, p) => p)
  const wanted = (s: SegmentEntry): boolean => (s.tenants === null || s.tenants.includes(tenant)) && BigInt(s.maxNs) >= minNs && BigInt(s.minNs) <= maxNs
  return partitions.flatMap((partition) => catalog.current(partition).segments.filter(wanted))
}

/** Bytes of lines of the streams and times that the scans ask for. Reads footers. */
async function exactCost(querier: Querier, { tenant, scans, signal }: CostQuestion): Promise<number> {
  const costs = await Promise.all(
    scans.map(async (plan) => {
      const { minNs, maxNs } = scanTimes(plan)
      const { parts } = await querier.series(tenant, { matcherSets: [plan.matchers], within: { by: 'entry_time', minNs, maxNs }, partsMax: null }, signal)
      return parts.reduce((sum, { lineBytes }) => sum + lineBytes, 0)
    }),
  )
  return costs.reduce((sum, cost) => sum + cost, 0)
}

/** What makes a query small: it may pass those that wait, and needs no room in memory. */
const SMALL_BYTES = 4 * 1024 * 1024
/** Footers that are looked at to find out. */
const SMALL_SEGMENTS_MAX = 64

/** Bytes of lines that the scans read, when they are few; null: many, or too many footers to know. */
export async function smallCost(services: Services, querier: Querier, question: CostQuestion): Promise<number | null> {
  const { tenant, scans } = question
  if (scans.some((plan) => segmentsOf(services, tenant, plan).length > SMALL_SEGMENTS_MAX)) return null
  const cost = await exactCost(querier, question)
  return cost <= SMALL_BYTES ? cost : null
}

/** Throws `query_limit` in Loki's words when the scans would read more than the tenant may. */
export async function checkCost(services: Services, querier: Querier, question: CostQuestion, limits: Limits): Promise<void> {
  const ofQuery = limits.max_query_bytes_read
  const ofQuerier = limits.max_querier_bytes_read
  const least = Math.min(ofQuery > 0 ? ofQuery : Infinity, ofQuerier > 0 ? ofQuerier : Infinity)
  if (costBound(services, question.tenant, question.scans) <= least) return
  const cost = await exactCost(querier, question)
  if (ofQuery > 0 && cost > ofQuery) {
    throw refused(`the query would read too many bytes (query: ${formatBytes(cost)}, limit: ${formatBytes(ofQuery)}); consider adding more specific stream selectors or reduce the time range of the query`)
  }
  if (ofQuerier > 0 && cost > ofQuerier) {
    throw refused(`query too large to execute on a single querier: (query: ${formatBytes(cost)}, limit: ${formatBytes(ofQuerier)}); consider adding more specific stream selectors, reduce the time range of the query, or adjust parallelization settings`)
  }
}

const refused = (message: string): SkaldError => new SkaldError('query_limit', message)
