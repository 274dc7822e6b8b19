/**
 * How some streams are spread over servers: which leader should move where, so that no server leads two of them while another leads none, and the loss of one server stalls one stream only;
 * and which streams then need no copy but their leader's. Pure; `nats-leader-spread.ts` asks it now and then.
 */
export interface StreamServers {
  /** '' while there is none. */
  readonly leader: string
  /** None of a stream that has one copy only. */
  readonly followers: ReadonlyArray<{ readonly name: string; readonly isCurrent: boolean }>
  /** How many copies it is set to have. */
  readonly copies: number
  /** nats-server (2.15) adds and removes copies one after the other, after the setting was changed; until then the loss of a server may stop the stream, and its leader is better left alone. It may last for good, where a server lost its disk meanwhile. */
  readonly isChanging: boolean
}

/** One move at a time; null: nothing to move, or a leader or a copy is missing and it is no time for moves. */
export function nextLeaderMove(streams: ReadonlyArray<StreamServers>): { readonly stream: number; readonly to: string } | null {
  if (!areWhole(streams)) return null
  const leaders = streams.map(({ leader }) => leader)
  for (const [stream, { leader, followers, isChanging }] of [...streams.entries()].toReversed()) {
    const isAlone = leaders.every((other, at) => at === stream || other !== leader)
    const free = isAlone || isChanging ? undefined : followers.find(({ name }) => !leaders.includes(name))
    if (free !== undefined) return { stream, to: free.name }
  }
  return null
}

const COPIES = 3

/**
 * One change at a time. Of a stream that has a server to itself only the leader's copy is kept; one that shares its server, and has no other to move to, gets copies again. null: nothing to
 * change, or it is no time for it.
 */
export function nextCopiesChange(streams: ReadonlyArray<StreamServers>): { readonly stream: number; readonly copies: number } | null {
  if (!areWhole(streams)) return null
  const leaders = streams.map(({ leader }) => leader)
  const stuck = streams.findIndex(({ leader, copies, isChanging }, stream) => copies === 1 && !isChanging && leaders.indexOf(leader) < stream)
  if (stuck !== -1) return { stream: stuck, copies: COPIES }
  const spare = streams.findIndex(({ copies, isChanging }) => copies > 1 && !isChanging)
  return spare === -1 || new Set(leaders).size < streams.length ? null : { stream: spare, copies: 1 }
}

function areWhole(streams: ReadonlyArray<StreamServers>): boolean {
  return streams.every(({ leader, followers }) => leader !== '' && followers.every(({ isCurrent }) => isCurrent))
}
