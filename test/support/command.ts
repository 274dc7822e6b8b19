/** Runs a subcommand in this process and gives what it wrote and its exit code. */
import { PassThrough, Readable } from 'node:stream'
import { runCommandLine } from '../../bin/command-line.ts'

export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  readonly stdin?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Told each piece as it comes. */
  readonly onStdout?: (text: string) => void
  readonly onStderr?: (text: string) => void
}

export async function runCommand(argv: ReadonlyArray<string>, options: CommandOptions = {}): Promise<CommandResult> {
  const written = { stdout: '', stderr: '' }
  const sink = (name: 'stdout' | 'stderr'): PassThrough => {
    const stream = new PassThrough()
    stream.on('data', (part: Buffer) => {
      written[name] += part.toString()
      const told = name === 'stdout' ? options.onStdout : options.onStderr
      told?.(part.toString())
    })
    return stream
  }
  const code = await runCommandLine(argv, {
    stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    environment: options.environment ?? {},
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  await new Promise((resolve) => setImmediate(resolve))
  return { code, ...written }
}
