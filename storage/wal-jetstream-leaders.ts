/**
 * Which stream's leader should move where, so that no server leads two of them while another leads none: the loss of one server then stalls one stream only. Pure; the WAL's
 * detour asks it now and then, because after a server died and came back the others lead everything.
 */
export interface LaneServers {
  /** '' while there is none. */
  readonly leader: string
  readonly followers: ReadonlyArray<{ readonly name: string; readonly isCurrent: boolean }>
}

/** One move at a time; null: nothing to move, or a leader or a copy is missing and it is no time for moves. */
export function nextLeaderMove(lanes: ReadonlyArray<LaneServers>): { readonly lane: number; readonly to: string } | null {
  const isWhole = lanes.every(({ leader, followers }) => leader !== '' && followers.every(({ isCurrent }) => isCurrent))
  if (!isWhole) return null
  const leaders = lanes.map(({ leader }) => leader)
  for (const [lane, { leader, followers }] of lanes.entries()) {
    const free = followers.find(({ name }) => !leaders.includes(name))
    if (leaders.indexOf(leader) < lane && free !== undefined) return { lane, to: free.name }
  }
  return null
}
