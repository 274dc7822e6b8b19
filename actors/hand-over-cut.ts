/**
 * Before a node hands its partitions over: cuts and stores what they hold, so that heirs have little to replay. Within a bound: what is not stored by then
 * is still in the log. A node that is alone has no heir, and replays for itself at its next start (F2).
 */
import type { PartitionDirectory } from './partition-directory.ts'
import type { PartitionMessage } from './partition.ts'
import type { Services } from './services.ts'

export async function cutForHandOver(services: Services, directory: PartitionDirectory, timeoutMs: number): Promise<void> {
  const owners = directory.localPartitions().flatMap((partition) => directory.localOwner(partition) ?? [])
  const cuts = owners.map((owner) => services.system.ask<PartitionMessage, number>(owner, (reply) => ({ kind: 'flush', reason: 'not_owned', reply }), timeoutMs))
  for (const cut of await Promise.allSettled(cuts)) {
    if (cut.status === 'rejected') services.log.warn('a partition is handed over without having been cut', { error: String(cut.reason) })
  }
}
