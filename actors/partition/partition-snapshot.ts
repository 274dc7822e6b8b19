/**
 * Turns what streams and chunks hold into the form that crosses to a worker thread: slabs by reference (shared memory), runs by index.
 */
import { blockEncoding } from '../../protocols/limits/chunk-encoding.ts'
import type { Limits } from '../../protocols/limits.ts'
import type { TenantId } from '../../protocols/model.ts'
import type { StreamCut } from '../../storage/segment-encode.ts'
import type { SlabDescriptor } from '../../storage/slab.ts'
import type { PartitionCut } from './partition-head.ts'
import type { EncodeTask, HeadContent, LevelPolicy } from '../segments/segment-work.ts'
import type { Services } from '../services.ts'
import type { SlabTable } from './slab-table.ts'
import type { StreamContent } from './tenant-streams.ts'

export interface TenantContent {
  readonly tenant: string
  readonly streams: ReadonlyArray<StreamContent>
}

export function levelPolicyOf(limits: Limits): LevelPolicy | null {
  if (!limits.discover_log_levels || !limits.allow_structured_metadata) return null
  return { fields: limits.log_level_fields, jsonDepthMax: limits.log_level_from_json_max_depth }
}

function streamCut(content: StreamContent): StreamCut {
  return {
    labels: content.labels,
    receivedMinMs: Math.min(...content.chunks.map((c) => c.receivedMinMs)),
    receivedMaxMs: Math.max(...content.chunks.map((c) => c.receivedMaxMs)),
    runs: content.chunks.flatMap((chunk) => chunk.runs),
  }
}

/** The slabs that the streams' runs point into, in order of id. */
function slabsOf(streams: ReadonlyArray<StreamCut>, table: SlabTable): SlabDescriptor[] {
  const ids = new Set(streams.flatMap((stream) => stream.runs.map((run) => run.slab)))
  return [...ids].sort((a, b) => a - b).map((id) => table.of(id).descriptor())
}

export function headContentOf(content: TenantContent, levels: LevelPolicy | null, table: SlabTable): HeadContent {
  const streams = content.streams.map(streamCut)
  return { tenant: content.tenant, slabs: slabsOf(streams, table), levels, streams }
}

/** null: the cut holds no entry (only repeats of what was applied before). */
export function encodeTaskOf(
  services: Services,
  partition: number,
  cut: PartitionCut,
  contents: ReadonlyArray<TenantContent>,
  table: SlabTable,
): EncodeTask | null {
  const held = contents.filter(({ streams }) => streams.length > 0)
  if (held.length === 0) return null
  const tenants = held.map(({ tenant, streams }) => ({
    tenant: tenant as TenantId,
    encoding: blockEncoding(services.limitsOf(tenant).chunk_encoding, services.settings.encoding),
    streams: streams.map(streamCut),
  }))
  const { first, last, head } = cut
  const slabs = slabsOf(tenants.flatMap((t) => t.streams), table)
  return {
    cut: { partition, first, last, slabs, tenants, pushIds: head.pushIds, recordIds: head.recordIds },
    levels: held.map(({ tenant }) => [tenant, levelPolicyOf(services.limitsOf(tenant))]),
  }
}
