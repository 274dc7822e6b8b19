/** The outcome of a question that several are asked and most of them decide. Used by `kv-majority.ts`. */

/**
 * Resolves as soon as more than half have said yes, with what they said, in their places; whoever says yes later is added. null: so many have said no (null) or failed that
 * it cannot come to that, and one at least has said no. Rejects when they failed.
 */
export function majorityOf<A>(answers: ReadonlyArray<Promise<A | null>>): Promise<Array<A | undefined> | null> {
  const needed = Math.floor(answers.length / 2) + 1
  const said: Array<A | undefined> = Array.from({ length: answers.length }, () => undefined)
  return new Promise((resolve, reject) => {
    let yes = 0
    let no = 0
    let failed = 0
    const lost = (error: unknown): void => {
      if (no + failed !== answers.length - needed + 1) return
      if (no > 0) resolve(null)
      else reject(error)
    }
    for (const [at, answer] of answers.entries()) {
      answer.then(
        (what) => {
          if (what === null) {
            no++
            return lost(undefined)
          }
          said[at] = what
          if (++yes === needed) resolve(said)
        },
        (error: unknown) => {
          failed++
          lost(error)
        },
      )
    }
  })
}
