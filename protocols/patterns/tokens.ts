/** Splits a line into the tokens that patterns are made of, and puts them together again. Tokens are words with the separators around them kept apart. */

/** Longer lines are clustered by their beginning. */
const LINE_CHARS_MAX = 2_000
const TOKENS_MAX = 100

/** What stands for "anything" in a pattern, as in LogQL's pattern filters. */
export const ANY = '<_>'

/** By character code below 128. */
const IS_SEPARATOR = Uint8Array.from({ length: 128 }, (_, code) => (/[\s=,:;"'()[\]{}|]/.test(String.fromCharCode(code)) ? 1 : 0))
const ZERO = 0x30
const NINE = 0x39

/** Words and single separators, in order. A word with a digit in it is taken for a variable at once, as are words of a long line's end. */
export function tokensOf(line: string): string[] {
  const tokens: string[] = []
  const end = Math.min(line.length, LINE_CHARS_MAX)
  let from = 0
  let digits = false
  for (let at = 0; at <= end; at++) {
    const code = at === end ? 0 : line.charCodeAt(at)
    if (at < end && (code >= 128 || IS_SEPARATOR[code] === 0)) {
      if (code >= ZERO && code <= NINE) digits = true
      continue
    }
    if (at > from) tokens.push(digits ? ANY : line.slice(from, at))
    if (at < end) tokens.push(line[at]!)
    if (tokens.length >= TOKENS_MAX) break
    from = at + 1
    digits = false
  }
  return from < line.length && tokens.length >= TOKENS_MAX ? [...tokens.slice(0, TOKENS_MAX), ANY] : tokens
}

/** A run of variables with only punctuation between them reads as one. */
export function patternText(tokens: ReadonlyArray<string>): string {
  return tokens.join('').replace(/<_>(?:["':.,=/-]{0,2}<_>)+/g, ANY)
}
