/** Who owns what, as one node sees it. */
interface Ring {
  readonly partitions: ReadonlyArray<{ readonly owner: string; readonly owner_alive: boolean }>
}

const ASK_MS = 2_000

/** Owner of each partition; null when the node does not answer. */
export async function ownersSeenBy(url: string): Promise<ReadonlyArray<string> | null> {
  const ring = await fetch(`${url}/ring?format=json`, { signal: AbortSignal.timeout(ASK_MS) }).then((answer) => answer.json() as Promise<Ring>, () => null)
  return ring === null ? null : ring.partitions.map(({ owner }) => owner)
}

/** Whether none is left with `from`. */
export async function hasMoved(url: string, from: string): Promise<boolean> {
  return (await ownersSeenBy(url))?.includes(from) === false
}
