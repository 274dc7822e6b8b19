/**
 * Log lines of our own for benchmarks and tests: several systems, in the forms that real ones write (plain text, logfmt, JSON), with hexadecimal ids,
 * UUIDs, addresses, counters and times. Deterministic for a seed.
 */
import { seeded } from '../support/push-bodies.ts'

type Random = () => number

const pick = <T>(random: Random, of: ReadonlyArray<T>): T => of[Math.floor(random() * of.length)]!
const below = (random: Random, n: number): number => Math.floor(random() * n)
const digits = (random: Random, count: number): string => Array.from({ length: count }, () => below(random, 10)).join('')
export const hex = (random: Random, count: number): string => Array.from({ length: count }, () => below(random, 16).toString(16)).join('')
const uuid = (random: Random): string => [8, 4, 4, 4, 12].map((n) => hex(random, n)).join('-')
const address = (random: Random): string => `10.${below(random, 4)}.${below(random, 256)}.${below(random, 256)}`
const clock = (at: number): string => `${String(Math.floor(at / 3_600_000) % 24).padStart(2, '0')}:${String(Math.floor(at / 60_000) % 60).padStart(2, '0')}:${String(Math.floor(at / 1000) % 60).padStart(2, '0')}.${String(at % 1000).padStart(3, '0')}`

const LEVELS = ['info', 'info', 'info', 'info', 'debug', 'warn', 'error']
const METHODS = ['GET', 'GET', 'POST', 'PUT', 'DELETE']
const PATHS = ['/orders', '/orders/search', '/carts', '/customers', '/login', '/health', '/inventory/items', '/payments/refund']
const TABLES = ['orders', 'order_lines', 'customers', 'payments', 'stock_movements']
const COMPONENTS = ['scheduler', 'replicator', 'compaction', 'gossip', 'snapshots', 'admission']
const FAILURES = ['connection reset by peer', 'deadline exceeded', 'lock wait timeout', 'no route to host', 'checksum mismatch']

/** One line a system; `at` is milliseconds, for lines that carry their own clock. */
export const SYSTEMS: Readonly<Record<string, (random: Random, at: number) => string>> = {
  checkout: (r, at) =>
    `ts=2026-03-01T${clock(at)}Z level=${pick(r, LEVELS)} caller=server.go:${below(r, 400)} msg="request finished" method=${pick(r, METHODS)} path=${pick(r, PATHS)} status=${pick(r, [200, 200, 200, 201, 404, 500])} duration=${below(r, 3000)}ms bytes=${below(r, 90_000)} trace_id=${hex(r, 16)}`,
  storefront: (r) =>
    JSON.stringify({ level: pick(r, LEVELS), msg: 'served', method: pick(r, METHODS), path: pick(r, PATHS), status: pick(r, [200, 200, 304, 404, 503]), duration_ms: below(r, 2000), user: { id: below(r, 50_000), plan: pick(r, ['free', 'team', 'business']) }, trace_id: hex(r, 32) }),
  billing: (r, at) => `${clock(at)} INFO  [worker-${below(r, 16)}] com.example.billing.InvoiceJob - invoice ${uuid(r)} for customer ${below(r, 80_000)} settled in ${below(r, 900)} ms`,
  gateway: (r, at) => `${address(r)} - - [01/Mar/2026:${clock(at).slice(0, 8)} +0000] "${pick(r, METHODS)} ${pick(r, PATHS)}?page=${below(r, 40)} HTTP/1.1" ${pick(r, [200, 200, 200, 302, 404, 502])} ${below(r, 60_000)} "-" "Mozilla/5.0 (X11; Linux x86_64)"`,
  database: (r, at) => `2026-03-01 ${clock(at)} UTC [${1000 + below(r, 9000)}] LOG:  duration: ${below(r, 500)}.${digits(r, 3)} ms  statement: SELECT * FROM ${pick(r, TABLES)} WHERE id = ${below(r, 9_000_000)}`,
  cluster: (r, at) => `${pick(r, ['I', 'I', 'I', 'W', 'E'])}0301 ${clock(at)} ${1 + below(r, 99)} ${pick(r, COMPONENTS)}.go:${below(r, 900)}] node ${below(r, 12)}: range ${below(r, 4000)} applied ${digits(r, 7)}${below(r, 30) === 0 ? `: ${pick(r, FAILURES)}` : ''}`,
  storage: (r) => `block blk_${digits(r, 19)} received from ${address(r)}:${50_000 + below(r, 1000)} size ${pick(r, [67_108_864, 4096, 1_048_576])} dest ${address(r)}`,
  sshd: (r) => `sshd[${below(r, 32_000)}]: Failed password for ${pick(r, ['root', 'admin', 'invalid user guest', 'deploy'])} from ${address(r)} port ${below(r, 65_535)} ssh2`,
}

const NAMES = Object.keys(SYSTEMS)

export const logLine = (random: Random, i: number): string => SYSTEMS[NAMES[i % NAMES.length]!]!(random, i * 13)

export interface DataPush {
  readonly labels: string
  readonly lines: ReadonlyArray<string>
}

/** Pushes of one stream each, about `rawBytes` of lines in all, over `hosts` streams a system. */
export function* dataPushes(rawBytes: number, hosts = 8, seed = 1): Generator<DataPush> {
  const random = seeded(seed)
  let bytes = 0
  for (let k = 0; bytes < rawBytes; k++) {
    const system = NAMES[k % NAMES.length]!
    const lines: string[] = []
    for (let own = 0; own < 60_000; own += lines.at(-1)!.length) lines.push(SYSTEMS[system]!(random, k * 1000 + lines.length))
    bytes += lines.reduce((sum, line) => sum + line.length, 0)
    yield { labels: `{env="prod", host="h${below(random, hosts)}", system="${system}"}`, lines }
  }
}
