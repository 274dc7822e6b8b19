/** Runs a step for each item, each after the one before has called `next`; steps that call it at once do not deepen the stack. */
export function sequentially<A>(items: ReadonlyArray<A>, step: (item: A, next: () => void) => void, done: () => void): void {
  let at = 0
  let isLooping = false
  let mayProceed = false
  const next = (): void => {
    mayProceed = true
    if (isLooping) return
    isLooping = true
    while (mayProceed && at < items.length) {
      mayProceed = false
      step(items[at++] as A, next)
    }
    isLooping = false
    if (mayProceed && at === items.length) {
      mayProceed = false
      done()
    }
  }
  next()
}
