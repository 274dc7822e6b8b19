/** `skald query`: runs LogQL over HTTP and prints lines or series. */
import { parseArgs } from 'node:util'
import { type Command, type CommandIo, EXIT_OK, UsageError } from '../command.ts'
import { TARGET_OPTIONS, getJson, targetFrom } from '../http-client.ts'
import { oneOf } from '../option-values.ts'
import { logLines, parseAnswer, renderLine, renderSeries } from '../query-result.ts'
import { durationMs, parseTimeNs } from '../query-time.ts'

export const query: Command = {
  usage: `usage: skald query EXPR [options]

  --since DURATION     how far back (default 1h)
  --from TIME          begin instead of --since: now, -1h30m, RFC 3339, Unix seconds or nanoseconds
  --to TIME            end (default now)
  --limit N            lines at most (default 100)
  --direction WAY      backward (newest first, the default) or forward
  --step DURATION      distance of points of a metric query
  --instant            a metric query at one moment, --to
  --output FORM        default (time, labels, line), raw (line only), jsonl
  --tenant ID          X-Scope-OrgID (default SKALD_TENANT, or the node's default tenant)
  --url URL            node to ask (default SKALD_URL, or http://127.0.0.1:3100)`,

  async run(args, io) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
    const [expression] = positionals
    if (expression === undefined || positionals.length !== 1) throw new UsageError('query takes one LogQL expression')
    const form = oneOf(['default', 'raw', 'jsonl'], values.output, 'output')
    const direction = oneOf(['backward', 'forward'], values.direction, 'direction')
    const path = values.instant ? instantPath(expression, values) : rangePath(expression, direction, values)
    const { data, warnings } = parseAnswer(await getJson(targetFrom(values, io.environment), path, io.signal))
    for (const warning of warnings) io.stderr.write(`skald: warning: ${warning}\n`)
    if (data.resultType === 'streams') for (const line of logLines(data, direction)) await write(io, renderLine(line, form))
    else await write(io, renderSeries(data, form))
    return EXIT_OK
  },
}

const OPTIONS = {
  ...TARGET_OPTIONS,
  since: { type: 'string', default: '1h' },
  from: { type: 'string' },
  to: { type: 'string', default: 'now' },
  limit: { type: 'string', default: '100' },
  direction: { type: 'string', default: 'backward' },
  step: { type: 'string' },
  instant: { type: 'boolean', default: false },
  output: { type: 'string', default: 'default' },
} as const

interface Values {
  readonly since: string
  readonly from?: string | undefined
  readonly to: string
  readonly limit: string
  readonly step?: string | undefined
}

function rangePath(expression: string, direction: string, values: Values): string {
  const nowMs = Date.now()
  const end = parseTimeNs(values.to, nowMs)
  const start = values.from === undefined ? end - BigInt(Math.round(durationMs(values.since) * 1e6)) : parseTimeNs(values.from, nowMs)
  const parameters = new URLSearchParams({ query: expression, start: String(start), end: String(end), limit: values.limit, direction })
  if (values.step !== undefined) parameters.set('step', values.step)
  return `/loki/api/v1/query_range?${parameters}`
}

function instantPath(expression: string, values: Values): string {
  return `/loki/api/v1/query?${new URLSearchParams({ query: expression, time: String(parseTimeNs(values.to, Date.now())), limit: values.limit })}`
}

/** Waits when the reader is slower, so that a large answer piped into a pager does not pile up. */
async function write(io: CommandIo, text: string): Promise<void> {
  if (!io.stdout.write(text)) await new Promise((resolve) => io.stdout.once('drain', resolve))
}
