/**
 * Two owners that contend for one partition, as states and the steps between them: leases (`leaseStep`), the epoch of a start (`nextEpoch`), and the
 * catalog's decisions are the program's own; clocks, the network, crashes and the order of everything are choices. `explore.ts` tries them all.
 *
 * A pause needs no step of its own: an owner that makes none while time passes is paused. Records 1..RECORDS are in the log from the start.
 */
import { holdsAt, LEASE_START, leaseStep, type LeaseEvent, type LeaseRecord, type LeaseState } from '../../runtime/lease-state.ts'
import { assertNotFenced, claimedHead, committedHead } from '../../storage/catalog-decision.ts'
import type { CatalogHead } from '../../storage/catalog-codec.ts'
import { FencedError, type SegmentEntry } from '../../storage/catalog.ts'
import { nextEpoch } from '../../actors/partition/partition-epoch.ts'

export const NAMES = ['a', 'b'] as const
const RECORDS = 2
const TTL_MS = 10
/** A lease is relied on until 9 and may be claimed after 10: finer steps tell no more orders of events apart. */
const TIME_STEP_MS = 5
const JOBS_MAX = 2
const PARTITION = 0

interface LeaseWrite {
  readonly record: LeaseRecord
  readonly over: number
}

type LeaseAnswer = Extract<LeaseEvent, { kind: 'wrote' | 'outrun' | 'seen' }>

/** A call to the leases' bucket: on its way there, or its answer on its way back. */
type LeaseCall = { readonly write: LeaseWrite | null; readonly answer: LeaseAnswer | null } | null

interface StoredHead {
  readonly revision: number
  readonly head: CatalogHead
}

interface CatalogWrite {
  readonly head: CatalogHead
  readonly over: number
  readonly writer: string
}

interface Actor {
  readonly phase: 'claiming' | 'serving'
  readonly epoch: number
  readonly writer: string
  readonly read: StoredHead | null
  readonly headFirst: number
}

interface Job {
  readonly epoch: number
  readonly writer: string
  readonly first: number
  readonly last: number
  readonly step: 'put' | 'commit' | 'purge'
  readonly read: StoredHead | null
}

export interface Owner {
  readonly lease: LeaseState
  readonly call: LeaseCall
  /** What its listener was told last: may be out of date. */
  readonly heldEpoch: number
  readonly actor: Actor | null
  /** Flushes outlive the actor that submitted them. */
  readonly jobs: ReadonlyArray<Job>
  /** Of its local copy of the catalog. */
  readonly catalogEpoch: number
  readonly starts: number
}

export interface State {
  readonly nowMs: number
  readonly leases: { readonly revision: number; readonly record: LeaseRecord | null }
  readonly catalog: StoredHead
  /** Whose claim of the catalog was answered last, and under which epoch: only it may commit under that. */
  readonly server: { readonly epoch: number; readonly writer: string }
  /** Who held each lease epoch. */
  readonly granted: ReadonlyArray<string>
  readonly puts: ReadonlyArray<string>
  readonly owners: readonly [Owner, Owner]
  /** Given up by their senders, and yet they may arrive. */
  readonly strayLeases: ReadonlyArray<LeaseWrite>
  readonly strayHeads: ReadonlyArray<CatalogWrite>
  readonly faultsLeft: number
}

export interface ModelOptions {
  /**
   * `leases` and `catalog` alone go much further than both together. Without leases an owner is granted any next epoch at any time, whoever else holds one: more
   * than leases ever allow, as `leases` shows.
   */
  readonly parts: 'leases' | 'catalog' | 'both'
  /** How fast each owner's clock goes. */
  readonly rates: readonly [number, number]
  /** Lost messages and crashes together. */
  readonly faults: number
  readonly leaseEpochsMax: number
  /** Renewals included. */
  readonly leaseWritesMax: number
  /** Clocks are within what leases bear: then no two may hold at once. */
  readonly exclusiveLeases: boolean
  /** A mutant of the program, to see that the exploration notices: commits of old epochs are let through. */
  readonly withoutFence?: boolean
  /** Another: every start of the same lease takes the same epoch. */
  readonly sameEpochs?: boolean
}

export interface Step {
  readonly name: string
  readonly to: State
}

const OWNER: Owner = { lease: LEASE_START, call: null, heldEpoch: 0, actor: null, jobs: [], catalogEpoch: 0, starts: 0 }

export class OwnershipModel {
  readonly options: ModelOptions

  constructor(options: ModelOptions) {
    this.options = options
  }

  start(): State {
    const state: State = {
      nowMs: 0,
      leases: { revision: 0, record: null },
      catalog: { revision: 0, head: { epoch: 0, checkpoint: 0, pages: [], segments: [] } },
      server: { epoch: 0, writer: '' },
      granted: [],
      puts: [],
      owners: [OWNER, OWNER],
      strayLeases: [],
      strayHeads: [],
      faultsLeft: this.options.faults,
    }
    if (this.options.parts === 'catalog') return state
    return [0, 1].reduce((all, who) => this.#lease(this.#lease(all, who, { kind: 'want', epochFloor: 0 }), who, { kind: 'seen', revision: 0, record: null }), state)
  }

  /** Equal for states with the same future: times count from now, and what is long past is just past. */
  key(state: State): string {
    const { leases, catalog, server, granted, puts, strayLeases, strayHeads, faultsLeft } = state
    const owners = state.owners.map((owner, who) => ownerKey(owner, this.#localMs(state, who)))
    return [recordKey(leases.record), leases.revision, storedKey(catalog), server.epoch, server.writer, granted, puts, ...owners, strayLeases.map(leaseWriteKey), strayHeads.map(headWriteKey), faultsLeft].join(' ')
  }

  /** What is wrong with a state by itself; what is wrong with a step is thrown by it. */
  violation(state: State): string | null {
    const holders = state.owners.filter(({ lease }, who) => holdsAt(lease, this.#localMs(state, who)))
    return this.options.exclusiveLeases && holders.length > 1 ? 'R1: two owners hold the lease' : null
  }

  /** Everything that may happen next. Throws with a rule's id when the catalog takes what it must not. */
  *steps(state: State): Generator<Step> {
    if (this.options.parts !== 'catalog') yield { name: 'time passes', to: { ...state, nowMs: state.nowMs + TIME_STEP_MS } }
    for (const write of state.strayLeases) {
      yield { name: 'a lost lease write arrives', to: this.#writeLease({ ...state, strayLeases: without(state.strayLeases, write) }, write).state }
    }
    for (const write of state.strayHeads) {
      yield { name: 'a lost catalog write arrives', to: this.#writeHead({ ...state, strayHeads: without(state.strayHeads, write) }, write).state }
    }
    for (const who of [0, 1] as const) {
      for (const { name, to } of this.#ownerSteps(state, who)) yield { name: `${NAMES[who]} ${name}`, to }
    }
  }

  *#ownerSteps(state: State, who: 0 | 1): Generator<Step> {
    const owner = state.owners[who]
    if (this.options.parts === 'catalog') yield* this.#grantSteps(state, who)
    else yield* this.#leaseSteps(state, who)
    if (this.options.parts === 'leases') return
    if (owner.catalogEpoch !== state.catalog.head.epoch) yield { name: 'is shown the catalog', to: this.#with(state, who, { catalogEpoch: state.catalog.head.epoch }) }
    yield* this.#actorSteps(state, who)
    if (owner.jobs[0] !== undefined) yield* this.#jobSteps(state, who, owner.jobs[0])
  }

  *#leaseSteps(state: State, who: 0 | 1): Generator<Step> {
    const { lease, call } = state.owners[who]
    yield { name: 'looks at its lease', to: this.#lease(state, who, { kind: 'tick' }) }
    if (lease.seen?.revision !== state.leases.revision) yield { name: 'is shown the lease', to: this.#lease(state, who, { kind: 'seen', ...state.leases }) }
    if (call !== null) yield* this.#callSteps(state, who, call)
  }

  *#grantSteps(state: State, who: 0 | 1): Generator<Step> {
    const epoch = state.granted.length + 1
    if (epoch > this.options.leaseEpochsMax) return
    yield { name: `is granted lease epoch ${epoch}`, to: this.#with({ ...state, granted: [...state.granted, NAMES[who]] }, who, { heldEpoch: epoch }) }
  }

  *#callSteps(state: State, who: 0 | 1, { write, answer }: NonNullable<LeaseCall>): Generator<Step> {
    const lost = this.#lease(this.#with(this.#fault(state), who, { call: null }), who, write === null ? { kind: 'read_failed' } : { kind: 'failed' })
    if (answer !== null) {
      yield { name: `hears ${answer.kind}`, to: this.#lease(this.#with(state, who, { call: null }), who, answer) }
      if (state.faultsLeft > 0) yield { name: 'does not hear the answer', to: lost }
      return
    }
    if (state.faultsLeft > 0) yield { name: 'gives its call up', to: write === null ? lost : { ...lost, strayLeases: [...lost.strayLeases, write] } }
    if (write === null) return yield { name: 'has the lease read', to: this.#with(state, who, { call: { write, answer: { kind: 'seen', ...state.leases } } }) }
    if (this.#isBeyond(state)) return
    const { state: written, revision } = this.#writeLease(state, write)
    yield { name: `has the lease written`, to: this.#with(written, who, { call: { write, answer: revision === null ? { kind: 'outrun' } : { kind: 'wrote', revision } } }) }
  }

  *#actorSteps(state: State, who: 0 | 1): Generator<Step> {
    const { actor, heldEpoch, catalogEpoch, starts, jobs } = state.owners[who]
    if (actor === null) {
      if (heldEpoch > 0) yield { name: 'starts', to: this.#started(state, who, heldEpoch, catalogEpoch, starts) }
      return
    }
    if (state.faultsLeft > 0) yield { name: 'has its partition crash', to: this.#with(this.#fault(state), who, { actor: null }) }
    if (actor.phase === 'serving') {
      for (let last = actor.headFirst; last <= RECORDS && jobs.length < JOBS_MAX; last++) {
        const job: Job = { epoch: actor.epoch, writer: actor.writer, first: actor.headFirst, last, step: 'put', read: null }
        yield { name: `cuts through ${last}`, to: this.#with(state, who, { actor: { ...actor, headFirst: last + 1 }, jobs: [...jobs, job] }) }
      }
      return
    }
    if (actor.read === null) return yield { name: 'reads the catalog to claim it', to: this.#with(state, who, { actor: { ...actor, read: state.catalog } }) }
    const { read, epoch, writer } = actor
    if (isFenced(read.head, epoch)) return yield { name: 'is fenced at its start', to: this.#with(state, who, { actor: null, catalogEpoch: read.head.epoch }) }
    const write: CatalogWrite = { head: claimedHead(read.head, epoch), over: read.revision, writer }
    const { state: written, won } = this.#writeHead(state, write)
    const serving: Actor = { ...actor, phase: 'serving', read: null, headFirst: write.head.checkpoint + 1 }
    if (won) yield { name: 'claims the catalog', to: this.#with({ ...written, server: { epoch, writer } }, who, { actor: serving, catalogEpoch: epoch }) }
    else yield { name: 'is overtaken', to: this.#with(written, who, { actor: { ...actor, read: null } }) }
    if (state.faultsLeft === 0) return
    yield { name: 'claims and does not hear of it', to: this.#with(this.#fault(written), who, { actor: null }) }
    const gaveUp = this.#with(this.#fault(state), who, { actor: null })
    yield { name: 'gives its claim up', to: { ...gaveUp, strayHeads: [...gaveUp.strayHeads, write] } }
  }

  *#jobSteps(state: State, who: 0 | 1, job: Job): Generator<Step> {
    const { jobs, actor } = state.owners[who]
    const next = (to: State, change: Partial<Job> | null): State => this.#with(to, who, { jobs: change === null ? jobs.slice(1) : [{ ...job, ...change }, ...jobs.slice(1)] })
    if (job.step === 'put') return yield { name: 'puts an object', to: next({ ...state, puts: [...new Set([...state.puts, keyOf(job)])].sort() }, { step: 'commit' }) }
    if (job.step === 'purge') {
      if (job.last > state.catalog.head.checkpoint) throw new Error(`F1: ${job.writer} purges through ${job.last}, the catalog is at ${state.catalog.head.checkpoint}`)
      return yield { name: 'purges', to: next(state, null) }
    }
    if (job.read === null) return yield { name: 'reads the catalog to commit', to: next(state, { read: state.catalog }) }
    const head = this.#decide(job, job.read.head)
    if (head === null) {
      const fenced = next(state, null)
      return yield { name: 'has a commit fenced', to: this.#with(fenced, who, actor?.writer === job.writer ? { actor: null, catalogEpoch: job.read.head.epoch } : { catalogEpoch: job.read.head.epoch }) }
    }
    if (head === job.read.head) return yield { name: 'finds its commit done', to: next(state, { step: 'purge', read: null }) }
    const write: CatalogWrite = { head, over: job.read.revision, writer: job.writer }
    const { state: written, won } = this.#writeHead(state, write)
    yield { name: won ? `commits [${job.first}, ${job.last}]` : 'has a commit overtaken', to: next(written, won ? { step: 'purge', read: null } : { read: null }) }
    if (state.faultsLeft === 0) return
    yield { name: 'commits and does not hear of it', to: next(this.#fault(written), { read: null }) }
    const gaveUp = next(this.#fault(state), { read: null })
    yield { name: 'gives a commit up', to: { ...gaveUp, strayHeads: [...gaveUp.strayHeads, write] } }
  }

  /** Null: fenced. */
  #decide({ epoch, first, last }: Job, head: CatalogHead): CatalogHead | null {
    if (this.options.withoutFence !== true && isFenced(head, epoch)) return null
    try {
      return committedHead(PARTITION, head, Math.max(epoch, head.epoch), last, segmentOf(first, last))
    } catch (error) {
      if (error instanceof FencedError) return null
      throw error
    }
  }

  #started(state: State, who: 0 | 1, leaseEpoch: number, catalogEpoch: number, starts: number): State {
    const writer = `${NAMES[who]}${starts + 1}`
    try {
      const epoch = nextEpoch({ partition: PARTITION, leaseEpoch }, this.options.sameEpochs === true ? Math.min(catalogEpoch, leaseEpoch - 1) : catalogEpoch)
      return this.#with(state, who, { starts: starts + 1, actor: { phase: 'claiming', epoch, writer, read: null, headFirst: 0 } })
    } catch (error) {
      if (error instanceof FencedError) return state
      throw error
    }
  }

  #writeLease(state: State, { record, over }: LeaseWrite): { state: State; revision: number | null } {
    if (state.leases.revision !== over) return { state, revision: null }
    return { state: { ...state, leases: { revision: over + 1, record } }, revision: over + 1 }
  }

  #writeHead(state: State, { head, over, writer }: CatalogWrite): { state: State; won: boolean } {
    if (state.catalog.revision !== over) return { state, won: false }
    const before = state.catalog.head
    if (head.epoch < before.epoch) throw new Error(`R1: ${writer} takes the catalog from epoch ${before.epoch} back to ${head.epoch}`)
    // The same start's claim may have been written twice over, or by one that never heard of it and never served.
    if (head.epoch === state.server.epoch && writer !== state.server.writer) throw new Error(`R1: epoch ${head.epoch} is written by ${state.server.writer} and by ${writer}`)
    checkSegments(head, state.puts)
    return { state: { ...state, catalog: { revision: over + 1, head } }, won: true }
  }

  /** Gives an event to the owner's lease, and carries out what it says. */
  #lease(state: State, who: number, event: LeaseEvent): State {
    const owner = state.owners[who]!
    const { state: lease, effects } = leaseStep(owner.lease, event, this.#localMs(state, who), { holder: NAMES[who]!, ttlMs: TTL_MS }, 0)
    let { call, heldEpoch } = owner
    let granted = state.granted
    for (const effect of effects) {
      if (effect.kind === 'held') [heldEpoch, granted] = [effect.epoch, grantedTo(granted, effect.epoch, NAMES[who]!)]
      else if (effect.kind === 'lost') heldEpoch = 0
      else call = effect.kind === 'write' ? { write: { record: effect.record, over: effect.revision }, answer: null } : { write: null, answer: null }
    }
    return this.#with({ ...state, granted }, who, { lease, call, heldEpoch })
  }

  #isBeyond({ leases }: State): boolean {
    return leases.revision >= this.options.leaseWritesMax || (leases.record?.epoch ?? 0) > this.options.leaseEpochsMax
  }

  #localMs(state: State, who: number): number {
    return state.nowMs * this.options.rates[who]!
  }

  #with(state: State, who: number, change: Partial<Owner>): State {
    const [a, b] = state.owners
    return { ...state, owners: who === 0 ? [{ ...a, ...change }, b] : [a, { ...b, ...change }] }
  }

  #fault(state: State): State {
    return { ...state, faultsLeft: state.faultsLeft - 1 }
  }
}

function ownerKey({ lease, call, heldEpoch, actor, jobs, catalogEpoch, starts }: Owner, localMs: number): string {
  // What has fallen due is due, however long ago.
  const until = (ms: number): number => Math.max(0, Math.round((ms - localMs) * 10) / 10)
  // A write that was sent a whole lease ago grants nothing any more.
  const age = (ms: number): number => Math.min(TTL_MS, Math.round((localMs - ms) * 10) / 10)
  const { seen, held, writing, reading, retryAtMs, epochFloor, triedEpoch } = lease
  const parts = [
    seen && [seen.revision, recordKey(seen.record), until(seen.claimableAtMs)],
    held && [held.epoch, held.revision, until(held.renewAtMs), until(held.validUntilMs)],
    writing && [writing.what, writing.revision, writing.record.epoch, age(writing.sentMs)],
    reading && reading.over,
    until(retryAtMs),
    epochFloor,
    triedEpoch,
    call && [call.write && leaseWriteKey(call.write), call.answer && [call.answer.kind, 'revision' in call.answer ? call.answer.revision : '']],
    heldEpoch,
    actor && [actor.phase, actor.epoch, actor.writer, actor.read && storedKey(actor.read), actor.headFirst],
    jobs.map(({ epoch, writer, first, last, step, read }) => [epoch, writer, first, last, step, read && storedKey(read)].join(':')).join('+'),
    catalogEpoch,
    starts,
  ]
  return parts.join('|')
}

const recordKey = (record: LeaseRecord | null): string => (record === null ? '-' : record.holder + record.epoch)
const leaseWriteKey = ({ record, over }: LeaseWrite): string => `${recordKey(record)}>${over}`
const headKey = ({ epoch, segments }: CatalogHead): string => `${epoch}[${segments.map(({ key }) => key).join()}]`
const storedKey = ({ revision, head }: StoredHead): string => `${revision}:${headKey(head)}`
const headWriteKey = ({ head, over, writer }: CatalogWrite): string => `${headKey(head)}>${over}${writer}`

/** R1: an epoch is held by one owner, ever. */
function grantedTo(granted: ReadonlyArray<string>, epoch: number, name: string): ReadonlyArray<string> {
  const before = granted[epoch - 1] ?? name
  if (before !== name) throw new Error(`R1: lease epoch ${epoch} is held by ${before} and by ${name}`)
  return Object.assign([...granted], { [epoch - 1]: name })
}

function isFenced(head: CatalogHead, epoch: number): boolean {
  try {
    assertNotFenced(PARTITION, head, epoch)
    return false
  } catch {
    return true
  }
}

/** F3: no overlap, no gap. F1: nothing is named before it is there. */
function checkSegments({ segments, checkpoint }: CatalogHead, puts: ReadonlyArray<string>): void {
  let through = 0
  for (const { first, last, key } of segments) {
    if (first !== through + 1) throw new Error(`F3: segment [${first}, ${last}] follows ${through}`)
    if (!puts.includes(key)) throw new Error(`F1: ${key} is in the catalog and not in the bucket`)
    through = last
  }
  if (through !== checkpoint) throw new Error(`F3: segments end at ${through}, the checkpoint is ${checkpoint}`)
}

const keyOf = ({ first, last }: Pick<Job, 'first' | 'last'>): string => `${first}-${last}`

function segmentOf(first: number, last: number): SegmentEntry {
  return { key: keyOf({ first, last }), partition: PARTITION, first, last, sizeBytes: 0, footerBytes: 0, minNs: '0', maxNs: '0', rowCount: 0, rawBytes: 0, appliedIdCount: 0, tenants: null }
}

function without<A>(list: ReadonlyArray<A>, one: A): A[] {
  return list.filter((other) => other !== one)
}
