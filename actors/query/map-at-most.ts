/** `Promise.all` over a function with a bound on how many run at once. Used for the scans of a query; the first failure rejects, and what has not begun by then never does. */

export async function mapAtMost<A, B>(most: number, items: ReadonlyArray<A>, run: (item: A) => Promise<B>): Promise<B[]> {
  const results: B[] = []
  let next = 0
  let failed = false
  const lane = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const at = next++
      try {
        results[at] = await run(items[at]!)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, lane))
  return results
}
