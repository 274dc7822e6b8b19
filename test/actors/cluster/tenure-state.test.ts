/** A partition's life on a node: every rule by example, and all interleavings of two nodes, a lease, announcements and the catalog's fence to a depth (R1, F3). */
import { describe, expect, it } from 'vitest'
import { TENURE_START, tenureStep, type TenureEffect, type TenureEvent, type TenureState } from '../../../actors/cluster/tenure-state.ts'

/** Feeds events at one time and collects what is to be done. */
function play(state: TenureState, ...events: TenureEvent[]): { state: TenureState; effects: string[] } {
  const effects: string[] = []
  for (const event of events) {
    const step = tenureStep(state, event, 0, 0)
    state = step.state
    effects.push(...step.effects.map(named))
  }
  return { state, effects }
}

const named = (effect: TenureEffect): string => (effect.kind === 'want' ? `want >${effect.epochFloor}` : effect.kind === 'start' || effect.kind === 'announce' ? `${effect.kind} ${effect.epoch}` : effect.kind)
const assigned: TenureEvent = { kind: 'assigned', isAssigned: true }
const unassigned: TenureEvent = { kind: 'assigned', isAssigned: false }
const held = (epoch: number): TenureEvent => ({ kind: 'held', epoch })
const lost: TenureEvent = { kind: 'lost' }
const serving: TenureEvent = { kind: 'serving' }
const ours = (epoch: number): TenureEvent => ({ kind: 'announced', epoch, isOurs: true, isMissed: false })
const theirs = (epoch: number): TenureEvent => ({ kind: 'announced', epoch, isOurs: false, isMissed: false })
const owner = play(TENURE_START, assigned, held(3), serving, ours(3)).state

describe('a tenure', () => {
  it('wants the lease, starts under it, and announces itself once it serves', () => {
    expect(play(TENURE_START, assigned, held(3), serving, ours(3)).effects).toEqual(['want >0', 'start 3', 'announce 3'])
  })

  it('starts nothing without a lease', () => {
    expect(play(TENURE_START, assigned, theirs(7), { kind: 'tick' }).effects).toEqual(['want >0'])
  })

  it('answers on when its lease runs out, and takes no notice when it is its own again', () => {
    const { state, effects } = play(owner, lost, held(4))
    expect(effects).toEqual([])
    expect(state.actor).toBe('serving')
  })

  it('gives its lease back when the ring wants another node, and stops once that one serves', () => {
    const handedOver = play(owner, unassigned, lost, { kind: 'released' })
    expect(handedOver.effects).toEqual(['release'])
    expect(handedOver.state.actor).toBe('serving')
    expect(play(handedOver.state, theirs(4)).effects).toEqual(['stop'])
  })

  it('keeps to the release that is under way, whatever it hears of the lease', () => {
    const releasing = play(owner, unassigned, held(4), assigned)
    expect([releasing.effects, releasing.state.lease]).toEqual([['release'], 'releasing'])
    expect(play(releasing.state, { kind: 'released' }).effects).toEqual(['want >3'])
  })

  it('does not finish a start that has become another node\'s', () => {
    expect(play(TENURE_START, assigned, held(3), unassigned).effects).toEqual(['want >0', 'start 3', 'release', 'stop'])
  })

  it('reads on when it is fenced, until the next owner serves', () => {
    const fenced = play(owner, lost, { kind: 'fenced', epochFloor: 4 })
    expect(fenced.effects).toEqual([])
    expect(play(fenced.state, theirs(4)).effects).toEqual(['stop'])
  })

  it('takes a higher epoch when the catalog has seen one above its lease (the leases alone were lost)', () => {
    const { effects, state } = play(owner, { kind: 'fenced', epochFloor: 9 }, { kind: 'released' })
    expect(effects).toEqual(['release', 'want >9'])
    expect(play(state, held(10), { kind: 'ended', why: 'stopped' }).effects).toEqual(['stop', 'start 10'])
  })

  it.each([['another', theirs(9)], ['its former process', ours(9)]])('takes an epoch above what %s announced (the lease alone was lost), instead of starting in vain', (_who, announced) => {
    const { effects, state } = play(TENURE_START, announced, assigned)
    expect(effects).toEqual(['want >9'])
    expect(play(state, held(10), serving).effects).toEqual(['start 10', 'announce 10'])
    // Heard only when it has the lease already.
    const late = play(TENURE_START, assigned, held(6), announced, { kind: 'released' })
    expect(late.effects.filter((effect) => effect !== 'stop')).toEqual(['want >0', 'start 6', 'release', 'want >9'])
    expect(play(late.state, { kind: 'ended', why: 'stopped' }).effects).toEqual([])
  })

  it('gives up an epoch that another has announced as well, so that readers find one of the two', () => {
    expect(play(owner, theirs(3), { kind: 'released' }).effects).toEqual(['release', 'want >3'])
  })

  it('starts again after a crash, later each time, only while it holds the lease', () => {
    const pauses: number[] = []
    let { state } = play(TENURE_START, assigned, held(3))
    for (let crash = 0; crash < 4; crash++) {
      const step = tenureStep(state, { kind: 'ended', why: 'crashed' }, 1_000, 0.5)
      expect(step.effects).toEqual([])
      pauses.push(step.wakeAtMs! - 1_000)
      state = tenureStep(step.state, { kind: 'tick' }, step.wakeAtMs!, 0.5).state
      expect(state.actor).toBe('starting')
    }
    expect(pauses).toEqual([75, 150, 300, 600])
    expect(tenureStep(play(state, lost).state, { kind: 'ended', why: 'crashed' }, 0, 0).wakeAtMs).toBeUndefined()
  })

  it('tries again soon, and not later each time, when what it needs was out of reach', () => {
    let { state } = play(TENURE_START, assigned, held(3))
    for (let attempt = 0; attempt < 4; attempt++) {
      const step = tenureStep(state, { kind: 'ended', why: 'unavailable' }, 1_000, 0.5)
      expect(step.wakeAtMs! - 1_000).toBe(375)
      state = tenureStep(step.state, { kind: 'tick' }, step.wakeAtMs!, 0.5).state
    }
  })

  it('announces itself while it still starts when the announced node is missed, and not while that one lives', () => {
    const missed: TenureEvent = { kind: 'announced', epoch: 2, isOurs: false, isMissed: true }
    const heir = play(TENURE_START, assigned, theirs(2), held(3))
    expect(heir.effects).toEqual(['want >0', 'start 3'])
    expect(play(heir.state, missed, ours(3), serving).effects).toEqual(['announce 3'])
    expect(play(TENURE_START, assigned, missed, held(3)).effects).toEqual(['want >0', 'start 3', 'announce 3'])
    expect(play(heir.state, serving).effects).toEqual(['announce 3'])
  })

  it('announces itself again when its announcement is gone', () => {
    expect(play(owner, { kind: 'announced', epoch: 0, isOurs: false, isMissed: false }).effects).toEqual(['announce 3'])
  })
})

/** Two nodes' machines in a world of one lease, one catalog fence and one announcement; every order of events is tried. */
interface World {
  readonly nodes: readonly [TenureState, TenureState]
  readonly assigned: 0 | 1
  readonly lease: { readonly epoch: number; readonly holder: number }
  readonly announced: { readonly epoch: number; readonly node: number }
  /** Lease epoch that the catalog has seen; actors claim it when they start. */
  readonly fence: number
  /** Started actors that have not begun to serve. */
  readonly starting: readonly [boolean, boolean]
  readonly stopping: readonly [boolean, boolean]
  readonly releasing: readonly [boolean, boolean]
  readonly wants: readonly [number, number]
  readonly announcing: readonly [number, number]
}

const set = <A>(pair: readonly [A, A], node: number, value: A): [A, A] => (node === 0 ? [value, pair[1]] : [pair[0], value])

function deliver(world: World, node: number, event: TenureEvent): World {
  const { state, effects } = tenureStep(world.nodes[node]!, event, 0, 0)
  let next: World = { ...world, nodes: set(world.nodes, node, state) }
  for (const effect of effects) {
    if (effect.kind === 'want') next = { ...next, wants: set(next.wants, node, effect.epochFloor + 1) }
    if (effect.kind === 'release') next = { ...next, releasing: set(next.releasing, node, true), wants: set(next.wants, node, 0) }
    if (effect.kind === 'start') {
      if (next.starting[node] || next.stopping[node]) throw new Error('two actors of one partition on a node')
      next = { ...next, starting: set(next.starting, node, true) }
    }
    if (effect.kind === 'stop') next = { ...next, stopping: set(next.stopping, node, true), starting: set(next.starting, node, false) }
    if (effect.kind === 'announce') next = { ...next, announcing: set(next.announcing, node, effect.epoch) }
  }
  return next
}

/** Everything that may happen next. */
function* moves(world: World): Generator<World> {
  for (const node of [0, 1]) {
    const state = world.nodes[node]!
    if (world.assigned !== node) yield deliver(deliver({ ...world, assigned: node as 0 | 1 }, node, assigned), 1 - node, unassigned)
    const isFree = world.lease.holder === -1 || world.lease.holder === node
    if (world.wants[node]! > 0 && isFree && state.lease === 'wanted') {
      const epoch = Math.max(world.lease.epoch + 1, world.wants[node]!)
      yield deliver({ ...world, lease: { epoch, holder: node } }, node, held(epoch))
    }
    // The holder is silent for its time: others may claim, it learns of it later or never.
    if (world.lease.holder === node) yield { ...world, lease: { ...world.lease, holder: -1 } }
    if (state.lease === 'held' && world.lease.holder !== node) yield deliver(world, node, lost)
    if (world.releasing[node]) {
      const lease = world.lease.holder === node ? { ...world.lease, holder: -1 } : world.lease
      yield deliver({ ...world, lease, releasing: set(world.releasing, node, false) }, node, { kind: 'released' })
    }
    if (world.starting[node]) {
      // The claim on the catalog: fenced when it has seen a newer lease.
      const started = { ...world, starting: set(world.starting, node, false) }
      if (world.fence > state.actorEpoch) yield deliver(deliver(started, node, { kind: 'fenced', epochFloor: world.fence }), node, { kind: 'ended', why: 'crashed' })
      else yield deliver({ ...started, fence: state.actorEpoch }, node, serving)
    }
    if (world.stopping[node]) yield deliver({ ...world, stopping: set(world.stopping, node, false) }, node, { kind: 'ended', why: 'stopped' })
    if (state.actor === 'serving' && !state.isFenced && world.fence > state.actorEpoch) yield deliver(world, node, { kind: 'fenced', epochFloor: world.fence })
    if (world.announcing[node]! > 0) {
      const epoch = world.announcing[node]!
      const announced = epoch > world.announced.epoch ? { epoch, node } : world.announced
      yield { ...world, announced, announcing: set(world.announcing, node, 0) }
    }
    if (world.announced.epoch !== state.announced.epoch) yield deliver(world, node, { kind: 'announced', epoch: world.announced.epoch, isOurs: world.announced.node === node, isMissed: false })
    if (state.actor === 'none' && state.lease === 'held') yield deliver(world, node, { kind: 'tick' })
  }
}

describe('two nodes', () => {
  it('never leave a partition without a reader during a hand-over, and never both able to commit, in any order of events', () => {
    const start: World = {
      nodes: [TENURE_START, TENURE_START], assigned: 1, lease: { epoch: 0, holder: -1 }, announced: { epoch: 0, node: -1 }, fence: 0,
      starting: [false, false], stopping: [false, false], releasing: [false, false], wants: [0, 0], announcing: [0, 0],
    }
    const first = deliver(start, 1, assigned)
    const seen = new Set<string>()
    let frontier = [first]
    for (let depth = 0; depth < 16 && frontier.length > 0; depth++) {
      const next: World[] = []
      for (const world of frontier) {
        for (const after of moves(world)) {
          const key = JSON.stringify([after.nodes.map((n) => [n.isAssigned, n.lease, n.leaseEpoch, n.actor, n.actorEpoch, n.isFenced, n.announced.epoch, n.epochFloor]), after.lease, after.announced, after.fence, after.starting, after.stopping, after.releasing, after.wants, after.announcing])
          if (seen.has(key) || after.lease.epoch > 4) continue
          seen.add(key)
          holds(world, after)
          next.push(after)
        }
      }
      frontier = next
    }
    expect(seen.size).toBeGreaterThan(10_000)
  })
})

function holds(before: World, after: World): void {
  const serves = (world: World, node: number): boolean => world.nodes[node]!.actor === 'serving'
  // Once announced, somebody answers: the announced node itself, or (after it was overtaken) the next one.
  const wasServed = serves(before, 0) || serves(before, 1)
  const isServed = serves(after, 0) || serves(after, 1)
  if (wasServed && !isServed) {
    const stopped = before.nodes.findIndex((_node, i) => serves(before, i))
    const state = after.nodes[stopped]!
    // Only to start again under a newer lease of its own, because the catalog has fenced it.
    expect(before.nodes[stopped]!.isFenced || state.announced.epoch > state.actorEpoch, JSON.stringify({ before, after })).toBe(true)
  }
  // R1: at most one unfenced actor at the newest epoch.
  const newest = [0, 1].filter((node) => serves(after, node) && after.nodes[node]!.actorEpoch === after.fence)
  expect(newest.length, JSON.stringify(after)).toBeLessThanOrEqual(1)
}
