/**
 * This node among the others: it writes its own heartbeat to a KV bucket with jitter, watches everybody's, and tells when the list changes.
 * The judgement is `membership-state.ts`. Placement (`ring.ts`) and leases build on it; it decides nothing about partitions.
 */
import type { Clock, Timer } from './clock.ts'
import { SkaldError } from './errors.ts'
import type { KvBucket, KvEvent, KvWatch } from './kv.ts'
import { MEMBERSHIP_START, isUsurper, membersOf, membershipStep, nextGeneration } from './membership-state.ts'
import type { Member, MembershipEvent, MembershipState } from './membership-state.ts'
import type { Random } from './random.ts'
import { wholeMs } from './whole-ms.ts'

export interface MembershipOptions {
  /** Give it a maximum age of several `silentMsMax`, so that the dead disappear from it. */
  readonly bucket: KvBucket
  readonly clock: Clock
  readonly random: Random
  readonly self: Member
  /** Default 1 s; each interval is 0.8 to 1.2 of it. */
  readonly beatMs?: number
  /** A member unheard of for this long is dead; default 4 s. */
  readonly silentMsMax?: number
  /** Called with all members, sorted by id, whenever they change; first when the present ones are known. */
  readonly onChange: (members: ReadonlyArray<Member>) => void
  /** Told once when another process has taken this one's name: it must end. It has fallen silent by then. */
  readonly onUsurped?: () => void
}

const BEAT_MS = 1_000
const SILENT_MS_MAX = 4_000
const PREFIX = 'member.'

export class Membership {
  readonly #options: MembershipOptions
  readonly #watch: KvWatch
  #self: Member
  #state: MembershipState = MEMBERSHIP_START
  #beatTimer: Timer | undefined
  #wakeTimer: Timer | undefined
  #isReady = false
  #isClosed = false

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#self = options.self
    this.#watch = options.bucket.watch(
      PREFIX,
      (event) => this.#heard(event),
      () => this.#ready(),
    )
    void this.#begin()
  }

  members(): ReadonlyArray<Member> {
    return membersOf(this.#state)
  }

  /** Whether this node is out of touch with the bucket, so that its view stands still. */
  get isBlind(): boolean {
    return this.#state.isBlind
  }

  /** Says at once that this node hands over what it owns (or takes part again). */
  async setState(state: Member['state']): Promise<void> {
    this.#self = { ...this.#self, state }
    await this.#beat()
  }

  /** Leaves the list at once. Never fails: what cannot be deleted falls silent. Does nothing when it was closed before, or the name is another's. */
  async leave(): Promise<void> {
    if (this.#isClosed) return
    this.close()
    await this.#options.bucket.delete(this.#key).catch(ignoreUnavailable)
  }

  /** Falls silent, as a crash would. */
  close(): void {
    this.#isClosed = true
    this.#beatTimer?.cancel()
    this.#wakeTimer?.cancel()
    this.#watch.stop()
  }

  /** Says nothing before it knows what its name said last: it would take that for a newer process, where its clock has gone back. */
  async #begin(): Promise<void> {
    const { bucket, clock, beatMs = BEAT_MS } = this.#options
    for (; !this.#isClosed; await clock.sleep(beatMs)) {
      const entry = await bucket.get(this.#key).catch(ignoreUnavailable)
      if (entry === false) continue
      this.#self = { ...this.#self, generation: nextGeneration(entry === null ? undefined : parseMember(entry.value), clock.nowMs()) }
      return this.#beat()
    }
  }

  async #beat(): Promise<void> {
    if (this.#isClosed || this.#self.generation === undefined) return
    const { bucket, clock, random, beatMs = BEAT_MS } = this.#options
    this.#beatTimer?.cancel()
    this.#beatTimer = clock.after(beatMs * (0.8 + 0.4 * random.next()), () => void this.#beat())
    const said = this.#self
    const isWritten = await bucket.put(this.#key, Buffer.from(JSON.stringify(said))).then(() => true, ignoreUnavailable)
    this.#step({ kind: 'beat', isWritten: isWritten === true })
    // It may have taken effect after what was said meanwhile.
    if (said !== this.#self) await this.#beat()
  }

  #heard(event: KvEvent): void {
    if (event.kind === 'delete') return this.#step({ kind: 'gone', id: event.key.slice(PREFIX.length) })
    const member = parseMember(event.entry.value)
    if (member !== undefined && this.#self.generation !== undefined && isUsurper(member, this.#self)) return this.#endUsurped()
    if (member !== undefined) this.#step({ kind: 'seen', member, revision: event.entry.revision })
  }

  #endUsurped(): void {
    if (this.#isClosed) return
    this.close()
    this.#options.onUsurped?.()
  }

  #step(event: MembershipEvent): void {
    if (this.#isClosed) return
    const { clock, silentMsMax = SILENT_MS_MAX } = this.#options
    const step = membershipStep(this.#state, event, clock.monotonicMs(), { selfId: this.#self.id, silentMsMax })
    this.#state = step.state
    this.#wakeTimer?.cancel()
    this.#wakeTimer = step.wakeAtMs === undefined ? undefined : clock.after(wholeMs(step.wakeAtMs - clock.monotonicMs()), () => this.#step({ kind: 'tick' }))
    if (step.isChanged && this.#isReady) this.#options.onChange(this.members())
  }

  #ready(): void {
    this.#isReady = true
    this.#options.onChange(this.members())
  }

  get #key(): string {
    return PREFIX + this.#self.id
  }
}

function ignoreUnavailable(error: unknown): false {
  if (error instanceof SkaldError) return false
  throw error
}

/** Undefined for what no node of this version wrote. */
function parseMember(value: Buffer): Member | undefined {
  try {
    const member = JSON.parse(value.toString()) as Partial<Member>
    const { id, node, roles, zone, state, startedMs } = member
    const isMember = typeof id === 'string' && typeof node === 'string' && Array.isArray(roles) && typeof zone === 'string' && typeof startedMs === 'number'
    return isMember && (state === 'active' || state === 'draining') ? (member as Member) : undefined
  } catch {
    return undefined
  }
}
