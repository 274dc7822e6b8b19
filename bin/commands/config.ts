/** `skald config check`: says what is wrong with a configuration, or prints what would be used. */
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { CONFIG_SCHEMA } from '../../actors/config.ts'
import { leavesOf } from '../../runtime/config.ts'
import { type Command, EXIT_OK, UsageError } from '../command.ts'
import { readConfig } from '../config-file.ts'

export const config: Command = {
  usage: `usage: skald config check [--config FILE] [--all]

  --all   print every key, not only those that differ from the built-in default.`,

  async run(args, io) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: { config: { type: 'string' }, all: { type: 'boolean' } } })
    if (positionals.length !== 1 || positionals[0] !== 'check') throw new UsageError('config has one form: config check')
    const { config: loaded, warnings, fileName } = readConfig(values.config, io.environment)
    for (const warning of warnings) io.stderr.write(`skald: warning: ${warning}\n`)
    io.stdout.write(`# ${fileName ?? 'no file'}: good\n${render(loaded, values.all === true)}`)
    return EXIT_OK
  },
}

function render(loaded: unknown, all: boolean): string {
  const tree: Record<string, unknown> = {}
  for (const { path, setting } of leavesOf(CONFIG_SCHEMA)) {
    const value = valueAt(loaded, path)
    if (all || setting.show(value) !== setting.show(setting.default)) place(tree, path.split('.'), shown(setting.type, setting.show(value), value))
  }
  return Object.keys(tree).length === 0 ? '# all defaults\n' : stringify(tree)
}

/** Durations and sizes as one writes them; the rest as values. */
function shown(type: string, text: string, value: unknown): unknown {
  return type === 'duration' || type === 'size' ? text : value
}

function valueAt(tree: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined), tree)
}

function place(tree: Record<string, unknown>, path: ReadonlyArray<string>, value: unknown): void {
  const [key = '', ...rest] = path
  if (rest.length === 0) tree[key] = value
  else {
    const inner = (tree[key] ??= {}) as Record<string, unknown>
    place(inner, rest, value)
  }
}
