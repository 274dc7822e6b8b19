/** How a field that the json operator found becomes a label: the same for all its ways through a line. */
import type { Decode, LineState } from '../line-state.ts'
import type { NameEntry } from '../name-table.ts'

export const isWanted = (entry: NameEntry): boolean => entry.required || entry.duplicateRequired

/** Makes a field a label, unless the label is there or nobody needs it. */
export function setField(state: LineState, entry: NameEntry, start: number, end: number, decode: Decode): void {
  if (entry.name === '' || !isWanted(entry)) return
  const duplicate = state.hasBase(entry.name)
  const name = duplicate ? entry.duplicate : entry.name
  if ((duplicate ? entry.duplicateRequired : entry.required) && !state.hasParsed(name)) state.setBytes(name, state.buffer, start, end, decode)
}
