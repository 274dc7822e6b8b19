/** `skald push`: sends files or standard input to a node, in batches that are stored once however often they are sent. */
import { createReadStream, statSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { type Command, type CommandIo, EXIT_FAILED, EXIT_OK, UsageError } from '../command.ts'
import { ClientError, TARGET_OPTIONS, reasonOf, targetFrom } from '../http-client.ts'
import { oneOf, wholeNumber } from '../option-values.ts'
import { type Batch, type BatchSource, batchesOf } from '../push/batches.ts'
import { Progress } from '../push/progress.ts'
import { type SendOptions, sendBatch } from '../push/sender.ts'

const READ_BYTES = 1 << 20
/** Of a refusal, as it is shown. */
const MESSAGE_CHARS_MAX = 300
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)=([\s\S]*)$/

export const push: Command = {
  usage: `usage: skald push FILE… --label NAME=VALUE [options]        (FILE - is standard input)

  --label NAME=VALUE      label of the stream, may be given several times (default job=skald-push)
  --id ID                 name of this push. Run again with the same id and files, it stores nothing twice (default: a fresh one, printed at the end)
  --timestamp-from WHERE  line (default): the time each line begins with, else that of the line before, else the file's
                          mtime: the file's modification time, a nanosecond a line further; now: the same from this moment on
  --concurrency N         batches under way at once (default 4)
  --retries N             tries again of one batch, with back-off, as the server says in Retry-After (default 20)
  --tenant ID             X-Scope-OrgID (default SKALD_TENANT, or the node's default tenant)
  --url URL               node to push to (default SKALD_URL, or http://127.0.0.1:3100)`,

  async run(args, io) {
    const { values, positionals: files } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
    if (files.length === 0) throw new UsageError('push takes at least one FILE, or - for standard input')
    const from = oneOf(['line', 'mtime', 'now'], values['timestamp-from'], 'timestamp-from')
    const labelsText = labelsFrom(values.label ?? ['job=skald-push'])
    const id = values.id ?? randomUUID()
    const opened = files.map((file) => openSource(file, from, io))
    const progress = new Progress(io.stderr, opened.some((one) => one.bytes === undefined) ? undefined : opened.reduce((sum, one) => sum + (one.bytes ?? 0), 0))
    const failed = new AbortController()
    const options: SendOptions = {
      signal: failed.signal,
      target: targetFrom(values, io.environment),
      retriesMax: wholeNumber(values.retries, 'retries'),
      onRetry: (reason, waitMs) => progress.note(`${reason}; trying again in ${(waitMs / 1000).toFixed(1)} s`),
    }
    const concurrency = Math.max(1, wholeNumber(values.concurrency, 'concurrency'))
    for (const { source } of opened) await sendAll(batchesOf(source, labelsText, id), concurrency, options, failed, progress)
    progress.summary(id)
    return progress.refusedBatches === 0 ? EXIT_OK : EXIT_FAILED
  },
}

const OPTIONS = {
  ...TARGET_OPTIONS,
  label: { type: 'string', multiple: true },
  id: { type: 'string' },
  'timestamp-from': { type: 'string', default: 'line' },
  concurrency: { type: 'string', default: '4' },
  retries: { type: 'string', default: '20' },
} as const

interface OpenSource {
  readonly source: BatchSource
  readonly bytes: number | undefined
}

function openSource(file: string, from: 'line' | 'mtime' | 'now', io: CommandIo): OpenSource {
  const timesFromLines = from === 'line'
  if (file === '-') return { bytes: undefined, source: { name: '-', parts: io.stdin, baseMs: Date.now(), timesFromLines } }
  try {
    const stat = statSync(file)
    if (stat.isDirectory()) throw new UsageError(`${file} is a folder`)
    return { bytes: stat.size, source: { name: file, parts: readParts(file), baseMs: from === 'now' ? Date.now() : stat.mtimeMs, timesFromLines } }
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new ClientError(`cannot read ${file} (${reasonOf(error)})`)
  }
}

/** Opened when it is its turn. */
async function* readParts(file: string): AsyncGenerator<Buffer> {
  try {
    for await (const part of createReadStream(file, { highWaterMark: READ_BYTES })) yield part as Buffer
  } catch (error) {
    throw new ClientError(`cannot read ${file} (${reasonOf(error)})`)
  }
}

/** Keeps a bounded number of batches under way; the first that fails for good ends the others and the push. */
async function sendAll(batches: AsyncIterable<Batch>, concurrency: number, options: SendOptions, failed: AbortController, progress: Progress): Promise<void> {
  const underWay = new Set<Promise<void>>()
  for await (const batch of batches) {
    const sending = sendOne(batch, options, progress)
      .catch((error: unknown) => failed.abort(error))
      .finally(() => underWay.delete(sending))
    underWay.add(sending)
    if (underWay.size >= concurrency) await Promise.race(underWay)
    failed.signal.throwIfAborted()
  }
  await Promise.all(underWay)
  failed.signal.throwIfAborted()
}

async function sendOne(batch: Batch, options: SendOptions, progress: Progress): Promise<void> {
  const result = await sendBatch(batch, options)
  if (result.kind === 'refused') {
    if (result.status === 401 || result.status === 404 || result.status === 413) throw new ClientError(`${options.target.url} refused the push: ${result.status} ${result.message}`, result.status)
    progress.refusedBatches++
    progress.note(`batch ${batch.id}: ${result.status} ${shortened(result.message)}`)
    if (result.message.includes('timestamp too old')) progress.hint('the node refuses old entries (limits_config.reject_old_samples); --timestamp-from now stores these lines under the present time')
  }
  progress.done(batch.lineCount, batch.fileBytes)
}

const shortened = (message: string): string => (message.length <= MESSAGE_CHARS_MAX ? message : `${message.slice(0, MESSAGE_CHARS_MAX)}…`)

/** `a=b c=d` -> `{a="b", c="d"}`, sorted by name. */
function labelsFrom(given: ReadonlyArray<string>): string {
  const pairs = new Map<string, string>()
  for (const text of given) {
    const match = LABEL.exec(text)
    if (match?.[1] === undefined || match[2] === undefined) throw new UsageError(`--label ${text}: NAME=VALUE expected, a name of letters, digits and _`)
    pairs.set(match[1], match[2])
  }
  return `{${[...pairs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`
}
