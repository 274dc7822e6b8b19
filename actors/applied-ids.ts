/**
 * Ids of pushes and records that a partition has applied, newest kept, bounded in number: what makes a retried push or record harmless (W1).
 * Filled again from recent segment footers when an owner starts, so retries stay harmless across flush, purge and restart.
 */

export const APPLIED_IDS_MAX = 200_000

export class AppliedIds {
  private readonly ids = new Set<string>()
  private readonly max: number

  constructor(max: number = APPLIED_IDS_MAX) {
    this.max = max
  }

  /** True when the id was not there. */
  add(id: string): boolean {
    if (this.ids.has(id)) return false
    this.ids.add(id)
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

export const pushIdKey = (tenant: string, pushId: string): string => `${tenant}/${pushId}`
export const recordIdKey = (recordId: string): string => `#${recordId}`
