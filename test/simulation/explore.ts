/** Bounded model checking: visits every state that can be reached from a start, breadth first, so the history of a violation is a shortest one. */

export interface Model<S> {
  start(): S
  /** Equal for states that need not be told apart. */
  key(state: S): string
  /** May throw: then the step that was about to be made is the violation. */
  steps(state: S): Iterable<{ readonly name: string; readonly to: S }>
  /** Null when nothing is wrong. */
  violation(state: S): string | null
}

export interface Exploration {
  readonly states: number
  readonly steps: number
  /** Longest shortest way to a state. */
  readonly depth: number
  /** All states within the model's bounds were visited. */
  readonly isComplete: boolean
  readonly violation: { readonly what: string; readonly history: ReadonlyArray<string> } | null
}

interface Visit<S> {
  readonly state: S
  readonly from: Visit<S> | null
  readonly by: string
  readonly depth: number
}

export function explore<S>(model: Model<S>, statesMax: number): Exploration {
  const seen = new Set<string>()
  const queue: Array<Visit<S>> = []
  let steps = 0
  let at = 0
  const visit = (state: S, from: Visit<S> | null, by: string): void => {
    const key = model.key(state)
    if (seen.has(key)) return
    seen.add(key)
    queue.push({ state, from, by, depth: from === null ? 0 : from.depth + 1 })
  }
  const result = (violation: Exploration['violation']): Exploration => ({ states: seen.size, steps, depth: queue[Math.min(at, queue.length - 1)]!.depth, isComplete: at >= queue.length, violation })
  visit(model.start(), null, 'start')
  for (; at < queue.length && seen.size < statesMax; at++) {
    const here = queue[at]!
    const wrong = model.violation(here.state)
    if (wrong !== null) return result({ what: wrong, history: historyOf(here) })
    try {
      for (const { name, to } of model.steps(here.state)) {
        steps++
        visit(to, here, name)
      }
    } catch (error) {
      return result({ what: error instanceof Error ? error.message : String(error), history: historyOf(here) })
    }
  }
  return result(null)
}

function historyOf<S>(visit: Visit<S>): string[] {
  const names: string[] = []
  for (let at: Visit<S> | null = visit; at !== null; at = at.from) names.unshift(at.by)
  return names
}
