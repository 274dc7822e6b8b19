/**
 * Keeps the leaders of some streams on different servers, so that the loss of one server stalls one of the streams only: looks now and then, because after a server died and came back
 * the others lead everything, and moves one leader at a time. Any number of nodes may do this for the same streams. Used for the lanes of the WAL's detour, and for majority buckets, which
 * are copies of each other: of such a stream one copy is enough, which no election stops and which answers as soon as its server does.
 */
import type { JetStreamManager, StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock, Timer } from './clock.ts'
import { nextCopiesChange, nextLeaderMove, type StreamServers } from './nats-leaders.ts'
import type { Random } from './random.ts'

export interface LeaderSpreadParts {
  readonly nc: NatsConnection
  /** Its requests must end soon: a stream without a leader does not answer. */
  readonly jsm: JetStreamManager
  readonly clock: Clock
  readonly random: Random
  readonly streams: ReadonlyArray<string>
  /** The streams are copies of each other: each is kept on one server, and made anew elsewhere when that does not come back. */
  readonly areCopies?: boolean
}

/** Give or take a half. */
const LOOK_MS = 3_000
/** After a change: there may be more to do. */
const LOOK_AGAIN_MS = 500
const MOVE_MS = 500
/** A server that has been away for so long is not waited for: what matters has been written again meanwhile, to the other copies. */
const LOST_MS = 600_000

export class LeaderSpread {
  readonly #parts: LeaderSpreadParts
  /** By stream, since when it alone has not answered. */
  readonly #silentSinceMs = new Map<string, number>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(parts: LeaderSpreadParts) {
    this.#parts = parts
    this.#lookIn(LOOK_AGAIN_MS)
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #lookIn(pauseMs: number): void {
    if (this.#isClosed) return
    const { clock, random } = this.#parts
    this.#timer = clock.after(pauseMs * (0.5 + random.next()), () => void this.#look().then((hasChanged) => this.#lookIn(hasChanged ? LOOK_AGAIN_MS : LOOK_MS)))
  }

  /** Best effort: a stream without a leader, or a server that is away, is looked at again next time. Resolves with whether something was changed. */
  async #look(): Promise<boolean> {
    const { jsm, streams, areCopies } = this.#parts
    try {
      const found = await Promise.allSettled(streams.map((stream) => jsm.streams.info(stream)))
      if (areCopies === true) await this.#removeLost(found)
      const infos = found.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
      return infos.length === streams.length && (await this.#improve(infos))
    } catch {
      return false
    }
  }

  async #improve(infos: ReadonlyArray<StreamInfo>): Promise<boolean> {
    const { nc, jsm, streams, areCopies } = this.#parts
    const servers = infos.map(serversOf)
    const move = nextLeaderMove(servers)
    if (move !== null) {
      const request = JSON.stringify({ placement: { preferred: move.to } })
      await nc.request(`$JS.API.STREAM.LEADER.STEPDOWN.${streams[move.stream]!}`, request, { timeout: MOVE_MS })
      return true
    }
    const change = areCopies === true ? nextCopiesChange(servers) : null
    if (change === null) return false
    await jsm.streams.update(streams[change.stream]!, { ...infos[change.stream]!.config, num_replicas: change.copies })
    return true
  }

  /** JetStream answers for the others, so it is this one's server that is away. Its bucket is made again by whoever writes to it next. */
  async #removeLost(found: ReadonlyArray<PromiseSettledResult<StreamInfo>>): Promise<void> {
    const { jsm, clock, streams } = this.#parts
    const isAnswered = found.some(({ status }) => status === 'fulfilled')
    for (const [at, { status }] of found.entries()) {
      const stream = streams[at]!
      if (status === 'fulfilled') this.#silentSinceMs.delete(stream)
      else if (isAnswered && !this.#silentSinceMs.has(stream)) this.#silentSinceMs.set(stream, clock.monotonicMs())
      if (clock.monotonicMs() - (this.#silentSinceMs.get(stream) ?? Number.POSITIVE_INFINITY) < LOST_MS) continue
      this.#silentSinceMs.delete(stream)
      await jsm.streams.delete(stream)
    }
  }
}

const serversOf = (info: StreamInfo): StreamServers => ({
  leader: info.cluster?.leader ?? '',
  followers: (info.cluster?.replicas ?? []).map(({ name, current, offline }) => ({ name, isCurrent: current && offline !== true })),
  copies: info.config.num_replicas,
  isChanging: isChanging(info),
})

/** Older servers do not tell what they are about to do, but change at once. */
const isChanging = ({ cluster, config }: StreamInfo): boolean => (cluster !== undefined && 'desired' in cluster) || (cluster?.replicas ?? []).length >= config.num_replicas
