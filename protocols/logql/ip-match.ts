/**
 * IP addresses, networks and ranges of `ip("…")`: `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1-10.0.0.9`, and the same in IPv6. Used by the line filter and the label
 * filter; an address is compared as a 128-bit number, families apart.
 */

export interface IpAddress {
  readonly v6: boolean
  readonly value: bigint
}

/** Whether an address is one of those meant. */
export type IpMatcher = (address: IpAddress) => boolean

/** null when the pattern is none of the forms. */
export function compileIpPattern(pattern: string): IpMatcher | null {
  const single = parseIp(pattern)
  if (single !== null) return (ip) => ip.v6 === single.v6 && ip.value === single.value
  const slash = pattern.indexOf('/')
  if (slash !== -1) return compileNetwork(parseIp(pattern.slice(0, slash)), pattern.slice(slash + 1))
  const dash = pattern.indexOf('-')
  return dash === -1 ? null : compileRange(parseIp(pattern.slice(0, dash).trim()), parseIp(pattern.slice(dash + 1).trim()))
}

function compileNetwork(base: IpAddress | null, bits: string): IpMatcher | null {
  if (base === null || !/^\d{1,3}$/.test(bits) || Number(bits) > (base.v6 ? 128 : 32)) return null
  const shift = BigInt((base.v6 ? 128 : 32) - Number(bits))
  const network = base.value >> shift
  return (ip) => ip.v6 === base.v6 && ip.value >> shift === network
}

function compileRange(from: IpAddress | null, to: IpAddress | null): IpMatcher | null {
  if (from === null || to === null || from.v6 !== to.v6 || from.value > to.value) return null
  return (ip) => ip.v6 === from.v6 && ip.value >= from.value && ip.value <= to.value
}

function parseIp(text: string): IpAddress | null {
  return text.includes(':') ? parseV6(text) : parseV4(text)
}

function parseV4(text: string): IpAddress | null {
  const parts = text.split('.')
  if (parts.length !== 4 || text.length > 15) return null
  let value = 0
  for (const part of parts) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null
    value = value * 256 + Number(part)
  }
  return { v6: false, value: BigInt(value) }
}

function parseV6(text: string): IpAddress | null {
  if (text.length > 45) return null
  const sides = text.split('::')
  if (sides.length > 2) return null
  const head = groupsOf(sides[0]!)
  const tail = sides.length === 2 ? groupsOf(sides[1]!) : []
  if (head === null || tail === null) return null
  const missing = 8 - head.length - tail.length
  if (sides.length === 2 ? missing < 1 : missing !== 0) return null
  const groups = [...head, ...Array.from<number>({ length: missing }).fill(0), ...tail]
  return { v6: true, value: groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n) }
}

function groupsOf(side: string): number[] | null {
  if (side === '') return []
  const groups: number[] = []
  const parts = side.split(':')
  for (const [i, part] of parts.entries()) {
    if (part.includes('.') && i === parts.length - 1) {
      const embedded = parseV4(part)
      if (embedded === null) return null
      groups.push(Number(embedded.value >> 16n), Number(embedded.value & 0xffffn))
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16))
    else return null
  }
  return groups
}

const DOT = 0x2e
const COLON = 0x3a
const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39
const isHex = (c: number): boolean => isDigit(c) || (c >= 0x61 && c <= 0x66) || (c >= 0x41 && c <= 0x46)

/** Whether some address that stands in `bytes[start, end)` is meant. Addresses are looked for as Loki does, from left to right, without overlap. */
export function containsIp(bytes: Buffer, start: number, end: number, matches: IpMatcher): boolean {
  for (let at = start; at < end; at++) {
    const v4 = looksV4(bytes, at, end)
    if (!v4 && !looksV6(bytes, at, end)) continue
    let stop = at
    while (stop < end && (v4 ? isDigit(bytes[stop]!) || bytes[stop] === DOT : isHex(bytes[stop]!) || bytes[stop] === COLON || bytes[stop] === DOT)) stop++
    const address = parseIp(bytes.toString('latin1', at, Math.min(stop, at + 64)))
    if (address !== null && matches(address)) return true
    at = stop
  }
  return false
}

function looksV4(bytes: Buffer, at: number, end: number): boolean {
  return at + 4 <= end && isDigit(bytes[at]!) && (bytes[at + 1] === DOT || bytes[at + 2] === DOT || bytes[at + 3] === DOT)
}

function looksV6(bytes: Buffer, at: number, end: number): boolean {
  if (at + 5 > end) return false
  if (bytes[at] === COLON) return bytes[at + 1] === COLON && isHex(bytes[at + 2]!)
  for (let i = at; i < at + 5; i++) {
    if (bytes[i] === COLON) return i > at
    if (!isHex(bytes[i]!)) return false
  }
  return false
}
