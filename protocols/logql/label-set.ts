/**
 * Label sets as the engine handles them: keys, text, groups. Used by the scans, the evaluator and the encoder; knows nothing of streams or storage.
 */
import type { Labels } from '../model.ts'
import { goQuote } from './go-text.ts'

/** Equal for equal label sets only. */
export const labelKey = (labels: Labels): string => JSON.stringify(labels)

/** `{a="x", b="y"}`, values quoted as Go does: how error messages name a series. */
export const labelText = (labels: Labels): string => `{${labels.map(([name, value]) => `${name}=${goQuote(value)}`).join(', ')}}`

/** Only these names, or all but these. */
export function groupLabels(labels: Labels, names: ReadonlySet<string>, without: boolean): Labels {
  return labels.filter(([name]) => names.has(name) !== without)
}

export const labelValue = (labels: Labels, name: string): string => labels.find(([key]) => key === name)?.[1] ?? ''

/** With the label set, or taken away when the value is empty; stays sorted. */
export function withLabel(labels: Labels, name: string, value: string): Labels {
  const others = labels.filter(([key]) => key !== name)
  if (value === '') return others
  const at = others.findIndex(([key]) => key > name)
  others.splice(at === -1 ? others.length : at, 0, [name, value])
  return others
}
