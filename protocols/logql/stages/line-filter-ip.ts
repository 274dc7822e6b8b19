/**
 * `|= ip("10.0.0.0/8")`, `!= ip("::1")`
 *
 * Passes lines in which some IP address stands that is meant: one address, a network, or a range `from-to`.
 */
import { goQuote } from '../go-text.ts'
import { compileIpPattern, containsIp } from '../ip-match.ts'
import type { LineTest } from './line-filter-pattern.ts'
import { StageError } from './stage.ts'

export function compileIpTest(pattern: string): LineTest {
  const matches = compileIpPattern(pattern)
  if (matches === null) throw new StageError(`ip: invalid pattern: ${goQuote(pattern)}`)
  return (bytes, start, end) => containsIp(bytes, start, end, matches)
}
