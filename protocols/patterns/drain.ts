/**
 * Clusters lines by their shape, in the way of Drain (He et al., ICWS 2017): lines with as many tokens and the same first word are compared token by token, and where
 * they differ the cluster's template gets a `<_>`. Bounded: the least recently used cluster is dropped beyond `clustersMax`. Used by the pattern scan and its merge.
 */
import { ANY } from './tokens.ts'

export interface Cluster {
  readonly level: string
  /** The template; shared, changed as lines come. */
  tokens: string[]
  /** Lines by number of the step they fall into. */
  readonly counts: Map<number, number>
  total: number
}

/** Share of equal tokens that puts a line into a cluster. */
const SIMILARITY_MIN = 0.5
/** Tokens at the beginning that must be equal (or variable): the first word, so that a variable right after it does not keep lines apart. */
const PREFIX_TOKENS = 1
/** Clusters that one line is compared to. */
const CANDIDATES_MAX = 32

export class Drain {
  private readonly clustersMax: number
  /** By level, number of tokens and first word. */
  private readonly groups = new Map<string, Cluster[]>()
  /** In order of use. */
  private readonly used = new Map<Cluster, string>()

  constructor(clustersMax: number) {
    this.clustersMax = clustersMax
  }

  add(tokens: string[], level: string, step: number, count: number): void {
    const cluster = this.clusterOf(tokens, level)
    cluster.counts.set(step, (cluster.counts.get(step) ?? 0) + count)
    cluster.total += count
  }

  absorb(other: { readonly tokens: ReadonlyArray<string>; readonly level: string; readonly counts: ReadonlyArray<readonly [step: number, count: number]> }): void {
    const cluster = this.clusterOf([...other.tokens], other.level)
    for (const [step, count] of other.counts) {
      cluster.counts.set(step, (cluster.counts.get(step) ?? 0) + count)
      cluster.total += count
    }
  }

  clusters(): Cluster[] {
    return [...this.used.keys()]
  }

  private clusterOf(tokens: string[], level: string): Cluster {
    const key = `${level} ${tokens.length} ${prefixOf(tokens)}`
    const group = this.groups.get(key)
    const found = group === undefined ? null : closest(group, tokens)
    if (found !== null) {
      generalise(found, tokens)
      this.used.delete(found)
      this.used.set(found, key)
      return found
    }
    const made: Cluster = { level, tokens, counts: new Map(), total: 0 }
    if (group === undefined) this.groups.set(key, [made])
    else group.push(made)
    this.used.set(made, key)
    this.dropOldest()
    return made
  }

  private dropOldest(): void {
    if (this.used.size <= this.clustersMax) return
    const [oldest, key] = this.used.entries().next().value!
    this.used.delete(oldest)
    const rest = this.groups.get(key)!.filter((cluster) => cluster !== oldest)
    if (rest.length === 0) this.groups.delete(key)
    else this.groups.set(key, rest)
  }
}

function prefixOf(tokens: ReadonlyArray<string>): string {
  return tokens.slice(0, PREFIX_TOKENS).join(' ')
}

function closest(group: ReadonlyArray<Cluster>, tokens: ReadonlyArray<string>): Cluster | null {
  let best: Cluster | null = null
  let bestEqual = tokens.length * SIMILARITY_MIN
  for (const cluster of group.slice(0, CANDIDATES_MAX)) {
    let equal = 0
    for (let i = 0; i < tokens.length; i++) if (cluster.tokens[i] === tokens[i]) equal++
    if (equal >= bestEqual && (best === null || equal > bestEqual)) {
      best = cluster
      bestEqual = equal
    }
  }
  return best
}

function generalise(cluster: Cluster, tokens: ReadonlyArray<string>): void {
  for (let i = 0; i < tokens.length; i++) if (cluster.tokens[i] !== tokens[i]) cluster.tokens[i] = ANY
}
