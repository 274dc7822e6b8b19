/**
 * The tenants' actors below a partition: started when a tenant's first entry comes, gone when all their streams have been idle. Their ids are numbers, since a tenant's
 * name may be no address. Used by `partition.ts`, which alone talks to them, so that messages keep their order.
 */
import type { ActorRef, Supervisor } from '../../runtime/actor.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { Services } from '../services.ts'
import type { PartitionState } from './partition-start.ts'
import { tenantStreamsAreIdle, tenantStreamsBehavior, type TenantStreamsMessage } from './tenant-streams.ts'

export function tenantStreams({ settings }: Services, state: PartitionState, children: Supervisor, tenant: string): ActorRef<TenantStreamsMessage> {
  const id = state.tenants.get(tenant) ?? `tenant-${++state.tenantCount}`
  state.tenants.set(tenant, id)
  return (
    children.get<TenantStreamsMessage>(id) ??
    children.start({
      id,
      behavior: tenantStreamsBehavior(state.slabs, settings.streamIdleMs),
      restart: 'transient',
      mailbox: { messagesMax: 1_000_000 },
      idleMs: settings.streamIdleMs,
      passivate: tenantStreamsAreIdle,
    })
  )
}

/** undefined: nothing of the tenant is in memory. */
export function tenantIfHeld({ tenants }: PartitionState, children: Supervisor, tenant: string): ActorRef<TenantStreamsMessage> | undefined {
  const id = tenants.get(tenant)
  return id === undefined ? undefined : children.get<TenantStreamsMessage>(id)
}

/** Forgets those that have gone. */
export function liveTenants(state: PartitionState, children: Supervisor): Array<{ tenant: string; ref: ActorRef<TenantStreamsMessage> }> {
  const found: Array<{ tenant: string; ref: ActorRef<TenantStreamsMessage> }> = []
  for (const tenant of state.tenants.keys()) {
    const ref = tenantIfHeld(state, children, tenant)
    if (ref === undefined) state.tenants.delete(tenant)
    else found.push({ tenant, ref })
  }
  return found
}

/** Throws when the mailbox does not take it: the partition then starts anew from the log. */
export function deliver(tenant: ActorRef<TenantStreamsMessage>, message: TenantStreamsMessage): void {
  const delivery = tenant.tell(message)
  if (delivery !== 'delivered') throw new SkaldError('internal', `tenant streams ${tenant.address}: ${delivery}`)
}
