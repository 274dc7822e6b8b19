/**
 * `skald config check`: says what is wrong with a configuration, or prints what would be used. What a start on this machine would stumble over is a warning, since the
 * configuration may be another's.
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { CONFIG_SCHEMA, type SkaldConfig } from '../../actors/config.ts'
import { storeSettings } from '../../actors/node-settings.ts'
import { renderConfig } from '../../runtime/config-render.ts'
import { parseObjectStoreUrl } from '../../storage/object-store-url.ts'
import { type Command, EXIT_OK, UsageError } from '../command.ts'
import { readConfig } from '../config-file.ts'

export const config: Command = {
  usage: `usage: skald config check [--config FILE] [--all]

  --all   print every key, not only those that differ from the built-in default.`,

  async run(args, io) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: { config: { type: 'string' }, all: { type: 'boolean' } } })
    if (positionals.length !== 1 || positionals[0] !== 'check') throw new UsageError('config has one form: config check')
    const { config: loaded, warnings, fileName } = readConfig(values.config, io.environment)
    for (const warning of [...warnings, ...folderWarnings(loaded)]) io.stderr.write(`skald: warning: ${warning}\n`)
    io.stdout.write(`# ${fileName ?? 'no file'}: good\n${renderConfig(CONFIG_SCHEMA, loaded, values.all === true ? 'all' : 'changed') || '# all defaults\n'}`)
    return EXIT_OK
  },
}

/** Objects go into a folder that a start makes where there is none. */
function folderWarnings(loaded: SkaldConfig): string[] {
  const location = parseObjectStoreUrl(storeSettings(loaded).url)
  if (location.kind !== 'fs') return []
  const nearest = nearestThere(path.resolve(location.directory))
  try {
    if (!statSync(nearest).isDirectory()) return [`objects cannot go to ${location.directory}: ${nearest} is no folder`]
    accessSync(nearest, constants.W_OK | constants.X_OK)
    return []
  } catch {
    return [`objects cannot go to ${location.directory}: ${nearest} cannot be written to`]
  }
}

function nearestThere(folder: string): string {
  const above = path.dirname(folder)
  return above === folder || existsSync(folder) ? folder : nearestThere(above)
}
