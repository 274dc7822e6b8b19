/**
 * Matchers as the event loop may ask them of thousands of streams: only those whose cost a label has a small bound. The others, which a client can make as slow as it
 * likes, are left to the worker threads, which ask all of them again. Used where heads are read.
 */
import type { Labels } from '../model.ts'
import type { Matcher } from './ast.ts'
import { compileMatchers } from './matchers.ts'
import { matchesQuickly } from './regex.ts'

export interface QuickMatchers {
  /** True for every stream that all matchers accept, and for others unless `exact`. */
  accepts(labels: Labels): boolean
  readonly exact: boolean
}

/** More are not asked here: each costs its compilation. */
const MATCHERS_MAX = 16

export function quickMatchers(matchers: ReadonlyArray<Matcher>): QuickMatchers {
  const quick = matchers.filter(isQuick).slice(0, MATCHERS_MAX)
  return { accepts: compileMatchers(quick), exact: quick.length === matchers.length }
}

/** Streams that one of the sets accepts; no set: all. */
export function quickMatcherSets(sets: ReadonlyArray<ReadonlyArray<Matcher>>): QuickMatchers {
  const quick = sets.slice(0, MATCHERS_MAX).map(quickMatchers)
  if (quick.length < sets.length) return { accepts: () => true, exact: false }
  return { accepts: (labels) => sets.length === 0 || quick.some((set) => set.accepts(labels)), exact: quick.every(({ exact }) => exact) }
}

const isQuick = ({ op, value }: Matcher): boolean => op === '=' || op === '!=' || matchesQuickly(value)
