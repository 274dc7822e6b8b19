/** Reads the configuration that a command is told to use: `--config`, or `SKALD_CONFIG`, or `./skald.yaml` when there is one. */
import { existsSync, readFileSync } from 'node:fs'
import { loadSkaldConfig } from '../actors/config.ts'
import { SkaldError } from '../runtime/errors.ts'

const DEFAULT_FILE = 'skald.yaml'

export interface ReadConfig extends ReturnType<typeof loadSkaldConfig> {
  /** Undefined: defaults and environment only. */
  readonly fileName: string | undefined
}

/** Throws SkaldError `setup` listing every mistake. */
export function readConfig(given: string | undefined, environment: Readonly<Record<string, string | undefined>>): ReadConfig {
  const fileName = given ?? environment['SKALD_CONFIG'] ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined)
  if (fileName === undefined) return { ...loadSkaldConfig({ environment }), fileName }
  return { ...loadSkaldConfig({ yaml: read(fileName), fileName, environment }), fileName }
}

function read(fileName: string): string {
  try {
    return readFileSync(fileName, 'utf8')
  } catch (error) {
    throw new SkaldError('setup', `cannot read ${fileName}: ${error instanceof Error && 'code' in error ? String(error.code) : String(error)}`, { cause: error })
  }
}
