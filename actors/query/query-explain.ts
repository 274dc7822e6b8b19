/** `explain=true`: what a query would do and what it would not have to read, from footers and filters alone. Beyond Loki; nothing is scanned. */
import { scanNeeds } from '../../protocols/logql/scan-needs.ts'
import type { ScanPlan } from '../../protocols/logql/scan.ts'
import { mapAtMost } from './map-at-most.ts'
import type { Querier } from './querier.ts'
import type { QueryFrontEnd, QueryRequest } from './query-front-end.ts'

const SCANS_AT_ONCE = 8

export async function explainQuery(querier: Querier, frontEnd: QueryFrontEnd, request: QueryRequest): Promise<object> {
  const { understood, plan, empty } = await frontEnd.plan(request)
  const scans = empty ? [] : await mapAtMost<ScanPlan, object>(SCANS_AT_ONCE, plan.scans, (scan) => explainScan(querier, scan, request))
  return { query: understood, kind: plan.kind, ...(plan.kind === 'metric' ? { resultType: plan.resultType, root: plan.root } : {}), scans }
}

async function explainScan(querier: Querier, plan: ScanPlan, { tenant, signal }: QueryRequest): Promise<object> {
  const needs = scanNeeds(plan)
  const { statistics, warnings } = await querier.explain(tenant, plan, signal)
  return {
    plan,
    needs: { ...needs, minNs: String(needs.minNs), maxNs: String(needs.maxNs) },
    stored: statistics,
    ...(warnings.length === 0 ? {} : { warnings }),
  }
}
