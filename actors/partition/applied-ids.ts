/**
 * Ids of pushes and records that a partition has applied, newest kept, bounded in number: what makes a retried push or record harmless (W1).
 * Filled again from recent segment footers when an owner starts, so retries stay harmless across flush, purge and restart.
 */

import type { AppliedId } from '../../storage/segment-format.ts'

export const APPLIED_IDS_MAX = 200_000
/** After so many segments their ids are put into one object … */
export const GATHER_SEGMENTS = 32
/** … if the ids that are kept lie in so many: where segments are large, a few hold them all, and gathering would save nothing. */
export const GATHERED_SEGMENTS_MIN = 2 * GATHER_SEGMENTS

/** One text for an id of a tenant. */
export const appliedIdKey = (tenant: string, id: string): string => `${tenant}/${id}`

export class AppliedIds {
  private readonly ids = new Set<string>()
  private readonly max: number

  constructor(max: number = APPLIED_IDS_MAX) {
    this.max = max
  }

  /** True when the id was not there. A record's id has tenant ''. */
  add({ tenant, id }: AppliedId): boolean {
    return this.addKey(appliedIdKey(tenant, id))
  }

  has({ tenant, id }: Pick<AppliedId, 'tenant' | 'id'>): boolean {
    return this.ids.has(appliedIdKey(tenant, id))
  }

  /** Adds by `appliedIdKey`. */
  addKey(key: string): boolean {
    if (this.ids.has(key)) return false
    this.ids.add(key)
    if (this.ids.size > this.max) {
      // Sets iterate in insertion order: the first is the oldest.
      const oldest = this.ids.values().next()
      if (oldest.done !== true) this.ids.delete(oldest.value)
    }
    return true
  }

  get size(): number {
    return this.ids.size
  }
}

