/**
 * Turns what streams and chunks hold into the form that crosses to a worker thread: slabs by reference (shared memory), runs by index, streams packed slice by slice.
 */
import { blockEncoding } from '../../protocols/limits/chunk-encoding.ts'
import type { Limits } from '../../protocols/limits.ts'
import type { TenantId } from '../../protocols/model.ts'
import { type PackedStreams, packStreams, slabIdsOf, type StreamRows } from '../../storage/packed-streams.ts'
import type { SlabDescriptor } from '../../storage/slab.ts'
import type { PartitionCut } from './partition-head.ts'
import type { EncodeTask, HeadContent, LevelPolicy } from '../segments/segment-work.ts'
import type { Services } from '../services.ts'
import { behind as rowsBehind, type RowMark } from '../cluster/standby-marks.ts'
import type { SlabTable } from './slab-table.ts'
import type { StreamContent } from './tenant-streams.ts'

export interface TenantContent {
  readonly tenant: string
  readonly streams: ReadonlyArray<PackedStreams>
}

/** Rows before `stored` are left out. */
export const packed = (contents: ReadonlyArray<StreamContent>, stored?: RowMark): PackedStreams => packStreams(rowsBehind(contents.map(streamRows), stored))


export function levelPolicyOf(limits: Limits): LevelPolicy | null {
  if (!limits.discover_log_levels || !limits.allow_structured_metadata) return null
  return { fields: limits.log_level_fields, jsonDepthMax: limits.log_level_from_json_max_depth }
}

function streamRows({ labelsText, chunks }: StreamContent): StreamRows {
  // Nearly always, and of thousands of streams.
  if (chunks.length === 1) return { labelsText, ...chunks[0]! }
  return {
    labelsText,
    receivedMinMs: Math.min(...chunks.map((c) => c.receivedMinMs)),
    receivedMaxMs: Math.max(...chunks.map((c) => c.receivedMaxMs)),
    runs: chunks.flatMap((chunk) => chunk.runs),
  }
}

/** The slabs that the streams' runs point into, in order of id. */
const slabsOf = (streams: ReadonlyArray<PackedStreams>, table: SlabTable): SlabDescriptor[] => slabIdsOf(streams).map((id) => table.of(id).descriptor())

export function headContentOf(content: TenantContent, levels: LevelPolicy | null, table: SlabTable): HeadContent {
  const { tenant, streams } = content
  return { tenant, slabs: slabsOf(streams, table), levels, streams }
}

/** null: the cut holds no entry (only repeats of what was applied before). */
export function encodeTaskOf(
  services: Services,
  partition: number,
  cut: PartitionCut,
  contents: ReadonlyArray<TenantContent>,
  table: SlabTable,
): EncodeTask | null {
  const held = contents.filter(({ streams }) => streams.some(({ count }) => count > 0))
  if (held.length === 0) return null
  const tenants = held.map(({ tenant, streams }) => ({
    tenant: tenant as TenantId,
    encoding: blockEncoding(services.limitsOf(tenant).chunk_encoding, services.settings.encoding),
    streams,
  }))
  const { first, last, head } = cut
  const slabs = slabsOf(tenants.flatMap((t) => t.streams), table)
  return {
    cut: { partition, first, last, slabs, tenants, pushIds: head.pushIds, recordIds: head.recordIds },
    levels: held.map(({ tenant }) => [tenant, levelPolicyOf(services.limitsOf(tenant))]),
  }
}
