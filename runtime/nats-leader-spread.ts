/**
 * Keeps the leaders of some streams on different servers, so that the loss of one server stalls one of the streams only: looks now and then, because after a server died and came back
 * the others lead everything, and moves one leader at a time. Any number of nodes may do this for the same streams. Used for the lanes of the WAL's detour and for majority buckets.
 */
import type { JetStreamManager, StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock, Timer } from './clock.ts'
import { nextLeaderMove, type StreamServers } from './nats-leaders.ts'
import type { Random } from './random.ts'

export interface LeaderSpreadParts {
  readonly nc: NatsConnection
  /** Its requests must end soon: a stream without a leader does not answer. */
  readonly jsm: JetStreamManager
  readonly clock: Clock
  readonly random: Random
  readonly streams: ReadonlyArray<string>
}

/** Give or take a half. */
const LOOK_MS = 3_000
const MOVE_MS = 500

export class LeaderSpread {
  readonly #parts: LeaderSpreadParts
  #timer: Timer | undefined
  #isClosed = false

  constructor(parts: LeaderSpreadParts) {
    this.#parts = parts
    this.#lookLater()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #lookLater(): void {
    if (this.#isClosed) return
    const { clock, random } = this.#parts
    this.#timer = clock.after(LOOK_MS * (0.5 + random.next()), () => void this.#look().finally(() => this.#lookLater()))
  }

  /** Best effort: a stream without a leader, or a server that is away, is looked at again next time. */
  async #look(): Promise<void> {
    const { nc, jsm, streams } = this.#parts
    try {
      const move = nextLeaderMove((await Promise.all(streams.map((stream) => jsm.streams.info(stream)))).map(serversOf))
      if (move === null) return
      const request = JSON.stringify({ placement: { preferred: move.to } })
      await nc.request(`$JS.API.STREAM.LEADER.STEPDOWN.${streams[move.stream]!}`, request, { timeout: MOVE_MS })
    } catch {
      // Next time.
    }
  }
}

const serversOf = ({ cluster }: StreamInfo): StreamServers => ({
  leader: cluster?.leader ?? '',
  followers: (cluster?.replicas ?? []).map(({ name, current, offline }) => ({ name, isCurrent: current && offline !== true })),
})
