import { describe, expect, it } from 'vitest'
import { type LaneServers, nextLeaderMove } from '../../storage/wal-jetstream-leaders.ts'

const SERVERS = ['a', 'b', 'c']
const ledBy = (leader: string, away: string[] = []): LaneServers => ({ leader, followers: SERVERS.filter((name) => name !== leader).map((name) => ({ name, isCurrent: !away.includes(name) })) })

describe('leaders over servers', () => {
  it('moves nothing while each server leads one', () => {
    expect(nextLeaderMove([ledBy('a'), ledBy('b'), ledBy('c')])).toBeNull()
  })

  it('moves one of two that a server leads to the server that leads none', () => {
    expect(nextLeaderMove([ledBy('a'), ledBy('a'), ledBy('c')])).toEqual({ lane: 1, to: 'b' })
  })

  it('comes to an even spread in as few moves as there are too many on a server', () => {
    const lanes = [ledBy('c'), ledBy('c'), ledBy('c')]
    for (let moves = 0; moves < 2; moves++) {
      const move = nextLeaderMove(lanes)!
      lanes[move.lane] = ledBy(move.to)
    }
    expect(new Set(lanes.map(({ leader }) => leader)).size).toBe(3)
    expect(nextLeaderMove(lanes)).toBeNull()
  })

  it('waits until every leader is there and every copy is current', () => {
    expect(nextLeaderMove([ledBy('a'), ledBy('a'), ledBy('')])).toBeNull()
    expect(nextLeaderMove([ledBy('a'), ledBy('a', ['b']), ledBy('c')])).toBeNull()
  })
})
