/** Finds and runs a subcommand, and turns what it throws into a message and an exit code. Called by `skald.ts` and by tests. */
import { SkaldError } from '../runtime/errors.ts'
import { type Command, type CommandIo, EXIT_FAILED, EXIT_OK, EXIT_USAGE, UsageError } from './command.ts'
import { ClientError } from './http-client.ts'

const COMMANDS: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
  start: { summary: 'run a node', load: async () => (await import('./commands/start.ts')).start },
  status: { summary: 'what a running node does', load: async () => (await import('./commands/status.ts')).status },
  ring: { summary: 'the nodes of the cluster, and who owns which partition', load: async () => (await import('./commands/ring.ts')).ring },
  config: { summary: 'check a configuration (config check)', load: async () => (await import('./commands/config.ts')).config },
  catalog: { summary: 'rebuild a lost catalog from the bucket (catalog rebuild)', load: async () => (await import('./commands/catalog.ts')).catalog },
  push: { summary: 'push files or standard input', load: async () => (await import('./commands/push.ts')).push },
  query: { summary: 'run a LogQL query', load: async () => (await import('./commands/query.ts')).query },
  tail: { summary: 'follow what a LogQL selector matches', load: async () => (await import('./commands/tail.ts')).tail },
}

export async function runCommandLine(argv: ReadonlyArray<string>, io: CommandIo): Promise<number> {
  const [name = '--help', ...args] = argv
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (entry === undefined) return overview(name, io)
  const command = await entry.load()
  if (args.includes('--help') || args.includes('-h')) {
    io.stdout.write(`${command.usage}\n`)
    return EXIT_OK
  }
  try {
    return await command.run(args, io)
  } catch (error) {
    return report(error, command, io)
  }
}

function overview(asked: string, io: CommandIo): number {
  const isHelp = asked === '--help' || asked === '-h' || asked === 'help'
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`)
  const out = isHelp ? io.stdout : io.stderr
  if (!isHelp) out.write(`skald: unknown command ${asked}\n`)
  out.write(['usage: skald COMMAND [options]', '', ...lines, '', 'skald COMMAND --help has the options.', ''].join('\n'))
  return isHelp ? EXIT_OK : EXIT_USAGE
}

function report(error: unknown, command: Command, io: CommandIo): number {
  if (error instanceof UsageError || isParseArgsError(error)) {
    io.stderr.write(`skald: ${error.message}\n${command.usage.split('\n')[0]}\n`)
    return EXIT_USAGE
  }
  if (error instanceof SkaldError && error.code === 'setup') {
    io.stderr.write(`${error.message.split('\n').map((line) => `skald: ${line}`).join('\n')}\n`)
    return EXIT_USAGE
  }
  if (error instanceof SkaldError || error instanceof ClientError) {
    io.stderr.write(`skald: ${error.message}\n`)
    return EXIT_FAILED
  }
  throw error
}

function isParseArgsError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}
