/**
 * The tenants' actors below a partition: started when a tenant's first entry comes, gone when all their streams have been idle. Their ids are numbers, since a tenant's
 * name may be no address. Used by the parts of `partition.ts`, which alone talk to them, so that messages keep their order.
 */
import type { ActorRef, Supervisor } from '../../runtime/actor.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { SlabTable } from './slab-table.ts'
import { tenantStreamsAreIdle, tenantStreamsBehavior, type TenantStreamsMessage } from './tenant-streams.ts'

export class PartitionTenants {
  private readonly children: Supervisor
  private readonly slabs: SlabTable
  private readonly idleMs: number
  private readonly ids = new Map<string, string>()
  private count = 0

  constructor(children: Supervisor, slabs: SlabTable, idleMs: number) {
    this.children = children
    this.slabs = slabs
    this.idleMs = idleMs
  }

  of(tenant: string): ActorRef<TenantStreamsMessage> {
    const { children, slabs, idleMs } = this
    const id = this.ids.get(tenant) ?? `tenant-${++this.count}`
    this.ids.set(tenant, id)
    return (
      children.get<TenantStreamsMessage>(id) ??
      children.start({ id, behavior: tenantStreamsBehavior(slabs, idleMs), restart: 'transient', mailbox: { messagesMax: 1_000_000 }, idleMs, passivate: tenantStreamsAreIdle })
    )
  }

  /** undefined: nothing of the tenant is in memory. */
  ifHeld(tenant: string): ActorRef<TenantStreamsMessage> | undefined {
    const id = this.ids.get(tenant)
    return id === undefined ? undefined : this.children.get<TenantStreamsMessage>(id)
  }

  /** Forgets those that have gone. */
  live(): Array<{ tenant: string; ref: ActorRef<TenantStreamsMessage> }> {
    const found: Array<{ tenant: string; ref: ActorRef<TenantStreamsMessage> }> = []
    for (const tenant of this.ids.keys()) {
      const ref = this.ifHeld(tenant)
      if (ref === undefined) this.ids.delete(tenant)
      else found.push({ tenant, ref })
    }
    return found
  }
}

/** Throws when the mailbox does not take it: the partition then starts anew from the log. */
export function deliver(tenant: ActorRef<TenantStreamsMessage>, message: TenantStreamsMessage): void {
  const delivery = tenant.tell(message)
  if (delivery !== 'delivered') throw new SkaldError('internal', `tenant streams ${tenant.address}: ${delivery}`)
}
