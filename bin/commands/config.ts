/** `skald config check`: says what is wrong with a configuration, or prints what would be used. */
import { parseArgs } from 'node:util'
import { CONFIG_SCHEMA } from '../../actors/config.ts'
import { renderConfig } from '../../runtime/config-render.ts'
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
    io.stdout.write(`# ${fileName ?? 'no file'}: good\n${renderConfig(CONFIG_SCHEMA, loaded, values.all === true ? 'all' : 'changed') || '# all defaults\n'}`)
    return EXIT_OK
  },
}
