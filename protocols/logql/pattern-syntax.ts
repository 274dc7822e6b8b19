/**
 * The syntax of `pattern` parsers and of `|>` line filters: literals and captures `<name>`, `<_>`. Used by the parser to refuse bad ones and by the
 * operators that match them.
 */

export interface PatternPart { readonly kind: 'literal' | 'capture'; /** Literal text; a capture's name, '' for `<_>`. */ readonly text: string }

/** Cuts a pattern into parts. Whatever is not a well-formed capture is literal text. */
export function patternParts(pattern: string): PatternPart[] {
  const parts: PatternPart[] = []
  let at = 0
  for (const match of pattern.matchAll(/<([A-Za-z_][A-Za-z0-9_]*)>/g)) {
    if (match.index > at) parts.push({ kind: 'literal', text: pattern.slice(at, match.index) })
    parts.push({ kind: 'capture', text: match[1] === '_' ? '' : (match[1] ?? '') })
    at = match.index + match[0].length
  }
  if (at < pattern.length) parts.push({ kind: 'literal', text: pattern.slice(at) })
  return parts
}

const spelled = (part: PatternPart): string => (part.kind === 'literal' ? part.text : `<${part.text === '' ? '_' : part.text}>`)

function consecutive(parts: ReadonlyArray<PatternPart>): string | null {
  const index = parts.findIndex((part, i) => part.kind === 'capture' && parts[i + 1]?.kind === 'capture')
  const [first, second] = parts.slice(index)
  if (index === -1 || first === undefined || second === undefined) return null
  return `found consecutive capture '${spelled(first)}${spelled(second)}': invalid expression`
}

/** Why a `pattern` parser is refused; null when it is sound. */
export function patternError(pattern: string): string | null {
  const parts = patternParts(pattern)
  const names = parts.filter((part) => part.kind === 'capture' && part.text !== '').map((part) => part.text)
  if (names.length === 0) return 'at least one capture is required'
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  return consecutive(parts) ?? (twice === undefined ? null : `duplicate capture name (${twice}): invalid expression`)
}

/** Why a `|>` or `!>` filter is refused; null when it is sound. */
export function patternFilterError(pattern: string): string | null {
  const parts = patternParts(pattern)
  if (parts.some((part) => part.kind === 'capture' && part.text !== '')) return 'named captures are not allowed'
  return consecutive(parts)
}
