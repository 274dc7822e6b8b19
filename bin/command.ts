/** What a subcommand is: usage text and a function from arguments to an exit code. Commands reach the world only through `CommandIo`, so tests can run them in process. */
import type { Readable, Writable } from 'node:stream'

export interface CommandIo {
  readonly stdin: Readable
  /** `columns`: of a terminal. */
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly stderr: Writable & { readonly isTTY?: boolean }
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Ends what would otherwise run on (`start`, `tail`): tests give one, the program ends by signals. */
  readonly signal?: AbortSignal
}

export interface Command {
  /** Shown by `--help`: first line is the synopsis. */
  readonly usage: string
  /** 0: done; 1: failed; 2: the command line or configuration is wrong. */
  run(args: ReadonlyArray<string>, io: CommandIo): Promise<number>
}

/** The command line is wrong: shown with the usage, exit code 2. */
export class UsageError extends Error {}

export const EXIT_OK = 0
export const EXIT_FAILED = 1
export const EXIT_USAGE = 2
