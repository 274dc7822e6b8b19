/** Which labels are worth showing: behind `detected_labels`. Labels whose values are all numbers or UUIDs say nothing to a reader and are left out. Pure. */
import type { Labels } from '../model.ts'
import { estimateCardinality } from './cardinality.ts'

export interface DetectedLabel {
  readonly label: string
  readonly cardinality: number
}

/** Shown whatever their values are. */
const STATIC: ReadonlySet<string> = new Set(['cluster', 'namespace', 'instance', 'pod'])
const NUMBER_OR_UUID = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12})$/

/** By name. */
export function detectLabels(streams: ReadonlyArray<{ readonly labels: Labels }>): DetectedLabel[] {
  const values = new Map<string, Set<string>>()
  for (const [name, value] of streams.flatMap(({ labels }) => labels)) {
    const known = values.get(name)
    if (known === undefined) values.set(name, new Set([value]))
    else known.add(value)
  }
  return [...values]
    .filter(([name, all]) => STATIC.has(name) || [...all].some((value) => !NUMBER_OR_UUID.test(value)))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, all]) => ({ label, cardinality: estimateCardinality(all) }))
}
