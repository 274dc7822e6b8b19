/**
 * The detour of records whose partition's log has no leader: JetStream takes 4 to 9 s to elect one after a server died, and no push should wait so long. Such a
 * record goes to one of three streams (lanes), whose leaders are kept on different servers, and is acknowledged from there (W1). Before the partition's owner says how
 * far its log reaches, it has what took a detour moved into the log (Q2), under the record's own id, so that nothing is stored twice however often it is moved.
 * Used by the JetStream WAL where the log has three copies; it never reads or writes a partition's log itself.
 */
import { DiscardPolicy, type JetStreamClient, type JetStreamManager, RetentionPolicy, StorageType, type StreamConfig, type StreamInfo } from '@nats-io/jetstream'
import { type Msg, type MsgHdrs, type NatsConnection, nanos } from '@nats-io/transport-node'
import type { Clock } from '../runtime/clock.ts'
import { LeaderSpread } from '../runtime/nats-leader-spread.ts'
import { isUnanswered } from '../runtime/nats-silence.ts'
import type { Random } from '../runtime/random.ts'
import { askRepeatedly } from '../runtime/repeated-ask.ts'
import { FreshAnswers } from './fresh-answers.ts'
import type { NatsLink } from './wal-jetstream-link.ts'
import { askMessages, MESSAGE_ID, READ_BYTES_MAX, sequenceOf } from './wal-jetstream-read.ts'

/** A record as it is published: its id, its bytes, its trace. */
export interface DetouredRecord {
  readonly recordId: string
  readonly record: Uint8Array
  readonly headers?: MsgHdrs
}

export interface DetourParts {
  readonly nc: NatsConnection
  readonly link: NatsLink
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
  readonly clock: Clock
  readonly random: Random
  readonly replicas: number
  readonly duplicateWindowMs: number
}

/** As many as there are servers in the smallest cluster that survives the loss of one. */
const LANES = [0, 1, 2] as const
type Lane = (typeof LANES)[number]
/** A lane that does not acknowledge in this time is passed over for the next. */
const TRY_MS = 500
/** Of a lane; what is in it leaves as soon as the partition's log has a leader. */
const LANE_BYTES_MAX = 1024 * 1024 * 1024
/** A copy of a lane that does not have yet what its leader has. */
const LAG_MS = 10
const RECORDS_MAX = 1_000
/** Moved side by side, since each waits for the log's copies. */
const MOVES_AT_ONCE = 64
/** How often a lane is asked, and how many times: it is silent until it has a leader. */
const ASK_EVERY_MS = 250
const ASKS_MAX = 8

const laneName = (lane: Lane): string => `SKALD_DETOUR_${lane}`
const laneSubject = (lane: Lane, partition: number | '*'): string => `skald.v1.detour.${lane}.${partition}`
/** A lane carries all partitions, and two of them may have records of one id. */
const laneId = (partition: number, recordId: string): string => `${partition}/${recordId}`
const recordIdIn = (id: string): string => id.slice(id.indexOf('/') + 1)

export class WalDetour {
  readonly #parts: DetourParts
  /** Lanes that hold anything, as their leaders say. */
  readonly #busy = new FreshAnswers(() => this.#busyLanes())
  #opening: Promise<void> | undefined
  #next: Lane
  #spread: LeaderSpread | undefined
  #isClosed = false

  constructor(parts: DetourParts) {
    this.#parts = parts
    this.#next = LANES[Math.floor(parts.random.next() * LANES.length)] ?? 0
  }

  /** Makes the lanes, once. */
  open(): Promise<void> {
    this.#opening ??= Promise.all(LANES.map((lane) => this.#ensure(lane))).then(
      () => this.#beginSpread(),
      (error: unknown) => {
        this.#opening = undefined
        throw error
      },
    )
    return this.#opening
  }

  /** Whether a lane has acknowledged the record; false: none did, as far as is known. */
  async append(partition: number, { recordId, record, headers }: DetouredRecord): Promise<boolean> {
    for (let tried = 0; tried < LANES.length; tried++) {
      const lane = this.#next
      try {
        await this.#parts.link.orLost(this.#parts.js.publish(laneSubject(lane, partition), record, { msgID: laneId(partition, recordId), timeout: TRY_MS, ...(headers === undefined ? {} : { headers }) }))
        return true
      } catch {
        this.#next = LANES[(lane + 1) % LANES.length] ?? 0
      }
    }
    return false
  }

  /** Resolves when all that the lanes held of the partition at the time of the call has been `moved` and is gone from them; rejects when that cannot be known. */
  async settle(partition: number, moved: (record: DetouredRecord) => Promise<unknown>): Promise<void> {
    for (const lane of await this.#busy.ask()) await this.#empty(lane, partition, moved)
  }

  close(): void {
    this.#isClosed = true
    this.#spread?.close()
  }

  async #busyLanes(): Promise<Lane[]> {
    const infos = await Promise.all(LANES.map((lane) => this.#info(lane)))
    return LANES.filter((_, i) => (infos[i]?.state.messages ?? 0) > 0)
  }

  async #empty(lane: Lane, partition: number, moved: (record: DetouredRecord) => Promise<unknown>): Promise<void> {
    const { nc, link, clock, jsm } = this.#parts
    const subject = laneSubject(lane, partition)
    for (;;) {
      const { state } = await this.#info(lane, subject)
      if ((state.subjects?.[subject] ?? 0) === 0) return
      const query = { seq: state.first_seq, next_by_subj: subject, batch: RECORDS_MAX, max_bytes: READ_BYTES_MAX }
      const held = await link.orLost(askMessages(nc, clock, `$JS.API.DIRECT.GET.${laneName(lane)}`, query, heldRecord))
      await moveAll(held, moved)
      const last = held.at(-1)
      if (last === undefined) await clock.sleep(LAG_MS)
      else await jsm.streams.purge(laneName(lane), { filter: subject, seq: last.sequence + 1 })
    }
  }

  #info(lane: Lane, subjectsFilter?: string): Promise<StreamInfo> {
    const { link, jsm, clock } = this.#parts
    const options = subjectsFilter === undefined ? undefined : { subjects_filter: subjectsFilter }
    return link.orLost(askRepeatedly({ clock, everyMs: ASK_EVERY_MS, times: ASKS_MAX, isSilence: isUnanswered }, () => jsm.streams.info(laneName(lane), options)))
  }

  async #ensure(lane: Lane): Promise<void> {
    const { jsm, replicas, duplicateWindowMs } = this.#parts
    const config = {
      name: laneName(lane),
      subjects: [laneSubject(lane, '*')],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.New,
      max_bytes: LANE_BYTES_MAX,
      num_replicas: replicas,
      duplicate_window: nanos(duplicateWindowMs),
      allow_direct: true,
    } as StreamConfig
    // The same settings again are no change; other ones (of another version) are brought up to date.
    await jsm.streams.add(config).catch(() => jsm.streams.update(config.name, config))
  }

  #beginSpread(): void {
    const { nc, jsm, clock, random } = this.#parts
    if (!this.#isClosed) this.#spread ??= new LeaderSpread({ nc, jsm, clock, random, streams: LANES.map(laneName) })
  }
}

/** The first alone: when the log has taken it, it takes the others too, mostly in their order. */
async function moveAll(held: ReadonlyArray<{ readonly record: DetouredRecord }>, moved: (record: DetouredRecord) => Promise<unknown>): Promise<void> {
  for (let at = 0, size = 1; at < held.length; at += size, size = MOVES_AT_ONCE) await Promise.all(held.slice(at, at + size).map(({ record }) => moved(record)))
}

function heldRecord(message: Msg): { readonly sequence: number; readonly record: DetouredRecord } {
  return { sequence: sequenceOf(message), record: { recordId: recordIdIn(message.headers?.get(MESSAGE_ID) ?? ''), record: message.data } }
}
