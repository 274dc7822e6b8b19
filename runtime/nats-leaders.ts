/**
 * Which stream's leader should move where, so that no server leads two of them while another leads none: the loss of one server then stalls one stream only. Pure; `nats-leader-spread.ts`
 * asks it now and then.
 */
export interface StreamServers {
  /** '' while there is none. */
  readonly leader: string
  readonly followers: ReadonlyArray<{ readonly name: string; readonly isCurrent: boolean }>
}

/** One move at a time; null: nothing to move, or a leader or a copy is missing and it is no time for moves. */
export function nextLeaderMove(streams: ReadonlyArray<StreamServers>): { readonly stream: number; readonly to: string } | null {
  const isWhole = streams.every(({ leader, followers }) => leader !== '' && followers.every(({ isCurrent }) => isCurrent))
  if (!isWhole) return null
  const leaders = streams.map(({ leader }) => leader)
  for (const [stream, { leader, followers }] of streams.entries()) {
    const free = followers.find(({ name }) => !leaders.includes(name))
    if (leaders.indexOf(leader) < stream && free !== undefined) return { stream, to: free.name }
  }
  return null
}
