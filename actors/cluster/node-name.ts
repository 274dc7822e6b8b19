/**
 * One living process a name: before a node joins, it asks whether anybody answers to its name already. Leases belong to names, so two processes of one name would take
 * them from each other. `root.ts` calls it; whoever does not answer (paused, cut off) is found out later, by `membership.ts`.
 */
import { SkaldError } from '../../runtime/errors.ts'
import { subjectToken } from '../../runtime/subject.ts'
import type { Subscription, Transport } from '../../runtime/transport.ts'

/** A process that lives says so in this time; one that was killed is known to the servers to be gone. */
const ANSWER_MS = 1_000

/** Throws SkaldError `setup` when the name is in use. Close the subscription when the node ends. `about` tells others who has the name. */
export async function claimNodeName(transport: Transport, node: string, about: string): Promise<Subscription> {
  const subject = `skald.v1.node.${subjectToken(node)}.name`
  const holder = await transport.request(subject, Buffer.alloc(0), { timeoutMs: ANSWER_MS }).then(({ data }) => data.toString(), nobody)
  if (holder !== null) throw new SkaldError('setup', `node_id "${node}" is in use by another process that is alive (${holder}): every node needs a name of its own`)
  return transport.subscribe(subject, (message) => message.respond(Buffer.from(about)))
}

function nobody(error: unknown): null {
  if (error instanceof SkaldError) return null
  throw error
}
