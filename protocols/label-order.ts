/** The order of label sets: of streams in a segment, which is part of the format (F3), and of series in answers. */
import type { Labels } from './model.ts'

/** Name by name and value by value, in UTF-16 units; a list before its extensions. */
export function compareLabels(a: Labels, b: Labels): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const [nameA, valueA] = a[i]!
    const [nameB, valueB] = b[i]!
    if (nameA !== nameB) return nameA < nameB ? -1 : 1
    if (valueA !== valueB) return valueA < valueB ? -1 : 1
  }
  return a.length - b.length
}
