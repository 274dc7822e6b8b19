/** Paths of the json operator's expressions: `a.b[0]["c d"]`. Parsed once a query. */
import { goQuote } from '../go-text.ts'
import { StageError } from './stage.ts'

export type JsonPath = ReadonlyArray<string | number>

const FIELD = /[a-zA-Z_][a-zA-Z0-9_-]*/y
const INDEX = /\[\s*(\d+)\s*\]/y
const QUOTED = /\[\s*("(?:[^"\\]|\\.)*")\s*\]/y

/** Throws StageError when it is not a path. */
export function parseJsonPath(text: string): JsonPath {
  const path: Array<string | number> = []
  const fail = (): never => {
    throw new StageError(`cannot parse expression [${text}]: syntax error: unexpected ${at >= text.length ? '$end' : goQuote(text[at]!)}`)
  }
  let at = 0
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found !== null) at = pattern.lastIndex
    return found
  }
  while (at < text.length || path.length === 0) {
    if (text[at] === '[') {
      const index = match(INDEX)
      const quoted = index === null ? match(QUOTED) : null
      if (index !== null) path.push(Number(index[1]))
      else if (quoted !== null) path.push(JSON.parse(quoted[1]!) as string)
      else fail()
      continue
    }
    if (text[at] === '.') at++
    else if (path.length > 0) fail()
    path.push((match(FIELD) ?? fail())[0])
  }
  return path
}
