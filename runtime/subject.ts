/** NATS subject patterns: `*` is one token, `>` the rest. Used by the memory transport and by watches on key prefixes. Source: NATS docs, "Subject-Based Messaging". */

export function hasWildcard(pattern: string): boolean {
  return pattern === '>' || pattern === '*' || pattern.endsWith('.>') || pattern.split('.').includes('*')
}

export function subjectMatches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.')
  const tokens = subject.split('.')
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '>') return tokens.length > i
    if (i >= tokens.length || (wanted[i] !== '*' && wanted[i] !== tokens[i])) return false
  }
  return wanted.length === tokens.length
}

/** A name as one subject token: what NATS gives a meaning to is percent-encoded. */
export function subjectToken(name: string): string {
  return name.replace(/[\s.*>%]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** The name that `subjectToken` made a token of. */
export function nameOfToken(token: string): string {
  return token.includes('%') ? token.replace(/%([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))) : token
}
