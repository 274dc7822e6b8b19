/**
 * Structured logs of the program itself: JSON lines, or a readable form on a terminal, to standard error. Everybody takes the `Logger` directly.
 * Never logs per line of a tenant's data.
 */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Usual names: `tenant`, `partition`, `node`, `trace_id`, `error`. Undefined values are left out. */
export type LogFields = Readonly<Record<string, unknown>>

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export interface LogOptions {
  /** A function: asked per line, so that the level can be changed while the program runs. */
  readonly level?: LogLevel | (() => LogLevel)
  readonly format?: 'json' | 'pretty'
  /** Takes one line with its newline; default standard error. */
  readonly write?: (line: string) => void
  readonly nowMs?: () => number
  /** Asked per line: the trace that is being worked for (`telemetry.activeTraceFields`). */
  readonly traceFields?: () => LogFields | undefined
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warn: 30, error: 40 }
const FIELD_CHARS_MAX = 8_192

export function createLogger(options: LogOptions = {}): Logger {
  const { level = 'info', format = 'json', write = (line: string): void => void process.stderr.write(line), nowMs = Date.now, traceFields = () => undefined } = options
  const render = format === 'json' ? renderJson : renderPretty
  const least = typeof level === 'function' ? level : () => level
  const emit = (at: LogLevel, message: string, own?: LogFields): void => {
    if (RANK[at] >= RANK[least()]) write(render(nowMs(), at, message, { ...traceFields(), ...own }))
  }
  return {
    debug: (message, own) => emit('debug', message, own),
    info: (message, own) => emit('info', message, own),
    warn: (message, own) => emit('warn', message, own),
    error: (message, own) => emit('error', message, own),
  }
}

/** `auto` of the configuration: readable on a terminal. */
export function logFormat(configured: 'auto' | 'json' | 'pretty'): 'json' | 'pretty' {
  return configured === 'auto' ? (process.stderr.isTTY ? 'pretty' : 'json') : configured
}

/** Writes nothing: for tests that do not look at logs. */
export const silentLogger: Logger = createLogger({ level: 'error', write: () => {} })

function renderJson(nowMs: number, level: LogLevel, message: string, fields: LogFields): string {
  const line: Record<string, unknown> = { time: new Date(nowMs).toISOString(), level, msg: message }
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) line[key in line ? `field_${key}` : key] = plain(value)
  return `${stringify(line)}\n`
}

const COLOUR: Readonly<Record<LogLevel, string>> = { debug: '\x1b[2m', info: '\x1b[36m', warn: '\x1b[33m', error: '\x1b[31m' }
const RESET = '\x1b[0m'

function renderPretty(nowMs: number, level: LogLevel, message: string, fields: LogFields): string {
  const shown = Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [`\x1b[2m${key}=${RESET}${prettyValue(plain(value))}`]))
  return `${new Date(nowMs).toISOString().slice(11, 23)} ${COLOUR[level]}${level.padEnd(5)}${RESET} ${oneLine(message)}${shown.length > 0 ? ` ${shown.join(' ')}` : ''}\n`
}

function prettyValue(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? oneLine(value) : stringify(value)
}

/** Values become JSON: errors their message (and cause), big integers digits, long text is cut. */
function plain(value: unknown): unknown {
  if (value instanceof Error) return plain(value.cause instanceof Error ? `${value.message}: ${value.cause.message}` : value.message)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'object' && value !== null) return isJson(value) ? value : String(value)
  return typeof value === 'string' && value.length > FIELD_CHARS_MAX ? `${value.slice(0, FIELD_CHARS_MAX)}…` : value
}

function isJson(value: object): boolean {
  try {
    JSON.stringify(value, digits)
    return true
  } catch {
    return false
  }
}

function digits(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}

function stringify(value: unknown): string {
  return isJson(Object(value)) ? (JSON.stringify(value, digits) ?? String(value)) : String(value)
}

/** Control characters out: a message may hold a tenant's text, and a terminal obeys escapes. */
function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\x00-\x1f\x7f]/g, ' ')
}
