import { describe, expect, it } from 'vitest'
import { type StreamServers, nextLeaderMove } from '../../runtime/nats-leaders.ts'

const SERVERS = ['a', 'b', 'c']
const ledBy = (leader: string, away: string[] = []): StreamServers => ({ leader, followers: SERVERS.filter((name) => name !== leader).map((name) => ({ name, isCurrent: !away.includes(name) })) })

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
