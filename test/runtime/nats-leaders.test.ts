import { describe, expect, it } from 'vitest'
import { nextCopiesChange, nextLeaderMove, type StreamServers } from '../../runtime/nats-leaders.ts'

const SERVERS = ['a', 'b', 'c']
const aloneOn = (leader: string): StreamServers => ({ leader, followers: [], copies: 1, isChanging: false })
const ledBy = (leader: string, away: string[] = []): StreamServers => ({ leader, followers: SERVERS.filter((name) => name !== leader).map((name) => ({ name, isCurrent: !away.includes(name) })), copies: SERVERS.length, isChanging: false })

describe('leaders over servers', () => {
  it('moves nothing while each server leads one', () => {
    expect(nextLeaderMove([ledBy('a'), ledBy('b'), ledBy('c')])).toBeNull()
  })

  it('moves one of two that a server leads to the server that leads none', () => {
    expect(nextLeaderMove([ledBy('a'), ledBy('a'), ledBy('c')])).toEqual({ stream: 1, to: 'b' })
  })

  it('comes to an even spread in as few moves as there are too many on a server', () => {
    const streams = [ledBy('c'), ledBy('c'), ledBy('c')]
    for (let moves = 0; moves < 2; moves++) {
      const move = nextLeaderMove(streams)!
      streams[move.stream] = ledBy(move.to)
    }
    expect(new Set(streams.map(({ leader }) => leader)).size).toBe(3)
    expect(nextLeaderMove(streams)).toBeNull()
  })

  it('waits until every leader is there and every copy is current', () => {
    expect(nextLeaderMove([ledBy('a'), ledBy('a'), ledBy('')])).toBeNull()
    expect(nextLeaderMove([ledBy('a'), ledBy('a', ['b']), ledBy('c')])).toBeNull()
  })
})

describe('copies over servers', () => {
  it('keeps one copy of each stream, one after the other, once each has a server to itself', () => {
    const streams = [ledBy('a'), ledBy('b'), ledBy('c')]
    for (let changes = 0; changes < 3; changes++) {
      const change = nextCopiesChange(streams)!
      expect(change).toEqual({ stream: changes, copies: 1 })
      streams[change.stream] = aloneOn(streams[change.stream]!.leader)
    }
    expect(nextCopiesChange(streams)).toBeNull()
    expect(nextLeaderMove(streams)).toBeNull()
  })

  it('leaves no stream alone on the server of another', () => {
    expect(nextCopiesChange([ledBy('a'), ledBy('a'), ledBy('c')])).toBeNull()
    expect(nextCopiesChange([aloneOn('a'), ledBy('a'), aloneOn('c')])).toBeNull()
  })

  it('leaves a stream alone whose copies are being changed, and goes on with the others', () => {
    const shrinking = { ...ledBy('a'), copies: 1, isChanging: true }
    expect(nextCopiesChange([shrinking, ledBy('b'), ledBy('c')])).toEqual({ stream: 1, copies: 1 })
    expect(nextCopiesChange([shrinking, aloneOn('b'), aloneOn('c')])).toBeNull()
    expect(nextLeaderMove([aloneOn('b'), { ...ledBy('b'), isChanging: true }, aloneOn('c')])).toBeNull()
    const growing = { ...aloneOn('a'), copies: 3, isChanging: true }
    expect(nextCopiesChange([aloneOn('a'), aloneOn('b'), growing])).toBeNull()
  })

  it('moves the one that can be moved, of two on one server', () => {
    expect(nextLeaderMove([ledBy('a'), aloneOn('b'), { ...aloneOn('a'), copies: 3, isChanging: true }])).toEqual({ stream: 0, to: 'c' })
  })

  it('brings two that are alone on one server apart', () => {
    const streams = [aloneOn('b'), aloneOn('b'), aloneOn('c')]
    expect(nextLeaderMove(streams)).toBeNull()
    expect(nextCopiesChange(streams)).toEqual({ stream: 1, copies: 3 })
    streams[1] = ledBy('b')
    expect(nextLeaderMove(streams)).toEqual({ stream: 1, to: 'a' })
  })

  it('waits until every leader is there and every copy is current', () => {
    expect(nextCopiesChange([ledBy('a'), ledBy('b'), ledBy('')])).toBeNull()
    expect(nextCopiesChange([ledBy('a'), ledBy('b', ['a']), ledBy('c')])).toBeNull()
  })
})
