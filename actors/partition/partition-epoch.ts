/** How the epochs of leases and of the catalog combine. Used by `partition-start.ts` and by `node.ts` when it wants a lease. */
import { FencedError } from '../../storage/catalog.ts'

/** A lease's holder may start the partition so often. */
const STARTS_PER_LEASE = 2 ** 20

/**
 * Each start takes a new epoch, so that flushes of a crashed incarnation are fenced; the lease's epoch decides first, so that the holder of an older lease
 * cannot overtake a newer one.
 */
export function nextEpoch(identity: { readonly partition: number; readonly leaseEpoch: number }, catalogEpoch: number): number {
  const leaseEpochSeen = leaseEpochOf(catalogEpoch)
  if (leaseEpochSeen > identity.leaseEpoch) throw new FencedError(identity.partition, catalogEpoch)
  return leaseEpochSeen === identity.leaseEpoch ? catalogEpoch + 1 : identity.leaseEpoch * STARTS_PER_LEASE
}

/** The lease epoch under which a catalog epoch was taken. */
export const leaseEpochOf = (catalogEpoch: number): number => Math.floor(catalogEpoch / STARTS_PER_LEASE)
