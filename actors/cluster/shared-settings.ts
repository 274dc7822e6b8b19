/**
 * What all nodes of a cluster must be set alike: where segments lie, how many copies NATS keeps, how long silence may last. A node that joins asks one that is there, and
 * ends when they would keep their leases or segments in different places; what is merely unwise is logged on both sides. `root.ts` asks before any bucket is opened.
 */
import { showDuration } from '../../runtime/config-schema.ts'
import { SkaldError } from '../../runtime/errors.ts'
import type { Logger } from '../../runtime/log.ts'
import type { Random } from '../../runtime/random.ts'
import type { Message, Subscription, Transport } from '../../runtime/transport.ts'
import { withoutLogin } from '../../runtime/url-logins.ts'
import { folderIdentity } from '../../storage/folder-identity.ts'
import { parseObjectStoreUrl } from '../../storage/object-store-url.ts'
import type { SkaldConfig } from '../config.ts'
import { storeSettings } from '../node-settings.ts'

/** Shown as they are: no secrets. */
export interface SharedSettings {
  readonly node: string
  readonly values: Readonly<Record<string, string>>
}

const SUBJECT = 'skald.v1.cluster.settings'
/** Whoever lives says so in this time; where nobody listens, that is known at once. */
const ANSWER_MS = 1_000
/** Nodes that differ in these would each own every partition, or not find each other's segments. */
const MUST_AGREE: ReadonlySet<string> = new Set(['nats.replicas', 'object_store.url'])

export function sharedSettings(config: SkaldConfig, node: string, random: Random): SharedSettings {
  const { replicas } = config.nats
  const { lease_ttl, heartbeat_interval } = config.cluster
  return {
    node,
    values: {
      'nats.replicas': String(replicas),
      ...storeOf(storeSettings(config).url, random),
      'cluster.lease_ttl': showDuration(lease_ttl),
      'cluster.heartbeat_interval': showDuration(heartbeat_interval),
    },
  }
}

/** Throws SkaldError `setup` when this node must not join. Close the subscription when it ends. */
export async function agreeWithOthers(transport: Transport, own: SharedSettings, log: Logger): Promise<Subscription> {
  const question = Buffer.from(JSON.stringify(own))
  const answer = await transport.request(SUBJECT, question, { timeoutMs: ANSWER_MS }).catch(nobody)
  const other = answer === null ? undefined : parseSettings(answer)
  if (other !== undefined) {
    const differences = differencesOf(own, other)
    const fatal = differences.filter(({ key }) => MUST_AGREE.has(key))
    if (fatal.length > 0) throw new SkaldError('setup', fatal.map((difference) => `${sentenceOf(difference, other.node)}: all nodes of a cluster must have the same`).join('\n'))
    for (const difference of differences) log.warn(sentenceOf(difference, other.node))
  }
  const subscription = transport.subscribe(SUBJECT, (message) => {
    message.respond(question)
    const asking = parseSettings(message)
    if (asking === undefined || asking.node === own.node) return
    for (const difference of differencesOf(own, asking)) log.warn(sentenceOf(difference, asking.node))
  })
  // Of nodes that start at one time, none may have been there to be asked.
  if (other === undefined) transport.publish(SUBJECT, question)
  return subscription
}

interface Difference {
  readonly key: string
  readonly here: string
  readonly there: string
}

/** What another version does not tell is not compared. */
function differencesOf({ values }: SharedSettings, { values: others }: SharedSettings): Difference[] {
  return Object.entries(values).flatMap(([key, here]) => {
    const there = others[key]
    return there === undefined || there === here ? [] : [{ key, here, there }]
  })
}

const sentenceOf = ({ key, here, there }: Difference, node: string): string => `${key} is ${here} here and ${there} on node "${node}"`

/** One bucket may be reached by several endpoints; one folder be mounted in several places, and two machines have a folder of one path. */
function storeOf(url: string, random: Random): SharedSettings['values'] {
  const location = parseObjectStoreUrl(url)
  if (location.kind === 's3') {
    const { bucket, prefix, endpoint = 'Amazon' } = location.s3
    return { 'object_store.url': `s3://${bucket}/${prefix}`, 'object_store.url, its endpoint,': withoutLogin(endpoint).replace('***@', '') }
  }
  const identity = location.kind === 'fs' ? folderIdentity(location.directory, random) : location.kind
  return identity === undefined ? {} : { 'object_store.url': `a folder with store-id ${identity}` }
}

function nobody(error: unknown): null {
  if (error instanceof SkaldError) return null
  throw error
}

/** Undefined for what no node of this version sent. */
function parseSettings({ data }: Message): SharedSettings | undefined {
  try {
    const { node, values } = JSON.parse(data.toString()) as Partial<SharedSettings>
    return typeof node === 'string' && typeof values === 'object' && values !== null ? { node, values } : undefined
  } catch {
    return undefined
  }
}
