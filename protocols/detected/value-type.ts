/** What type a field's value looks like, as `detected_fields` names it. Pure; one value a stream decides, so speed does not matter. */
import { parseGoDuration } from '../logql/durations.ts'
import { parseBytes } from '../logql/durations.ts'

export type FieldType = 'int' | 'float' | 'boolean' | 'duration' | 'bytes' | 'string'

const INT = /^[+-]?\d+$/
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$|^[+-]?(?:inf|infinity)$|^nan$/i
/** What Go's ParseBool takes and is no number. */
const BOOLEAN = /^(?:t|T|TRUE|true|True|f|F|FALSE|false|False)$/

/** The first that fits, in the order int, float, boolean, duration, bytes. */
export function typeOfValue(value: string): FieldType {
  if (INT.test(value)) return 'int'
  if (FLOAT.test(value)) return 'float'
  if (BOOLEAN.test(value)) return 'boolean'
  if (parseGoDuration(value) !== null) return 'duration'
  if (parseBytes(value) !== null) return 'bytes'
  return 'string'
}
