/**
 * Loads a configuration by a schema: built-in defaults, then one YAML file, then the environment (`SKALD_` + path in capitals, joined with `_`).
 * Everything that is wrong is reported at once: unknown keys with the nearest known one, wrong values with key, value and expected form.
 * Knows no key of Skald's: `actors/config.ts` has the schema. It reads no file itself.
 */
import { LineCounter, parseDocument } from 'yaml'
import { type ConfigOf, type Group, FormError, type Setting, isSetting } from './config-schema.ts'
import { SkaldError } from './errors.ts'
import { withoutLogin } from './url-logins.ts'

const ENVIRONMENT_PREFIX = 'SKALD_'
/** A configuration file is small; anything larger is the wrong file. */
const FILE_BYTES_MAX = 4 << 20
const SUGGESTION_DISTANCE_MAX = 4

export interface ConfigSources {
  readonly schema: Group
  /** The file's text; absent: no file. */
  readonly yaml?: string
  readonly fileName?: string
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Variables with our prefix that mean something else, e.g. `SKALD_CONFIG`. */
  readonly environmentIgnored?: ReadonlyArray<string>
}

export interface Loaded<G extends Group> {
  readonly config: ConfigOf<G>
  /** What was accepted and has no effect, or looks like a mistake; one sentence each. */
  readonly warnings: ReadonlyArray<string>
}

interface Leaf {
  readonly path: string
  readonly setting: Setting<unknown>
}

/** Throws SkaldError `setup` whose message lists every mistake, one a line. */
export function loadConfig<G extends Group>(schema: G, sources: Omit<ConfigSources, 'schema'>): Loaded<G> {
  const leaves = leavesOf(schema)
  const mistakes: string[] = []
  const warnings: string[] = []
  const values = new Map<string, unknown>(leaves.map((leaf) => [leaf.path, leaf.setting.default]))
  if (sources.yaml !== undefined) readFile(schema, sources.yaml, sources.fileName ?? 'the configuration file', { values, mistakes, warnings })
  readEnvironment(leaves, sources, { values, mistakes, warnings })
  if (mistakes.length > 0) throw new SkaldError('setup', mistakes.join('\n'))
  return { config: build(schema, '', values) as ConfigOf<G>, warnings }
}

/** All settings with their dotted paths, in the order of the schema. */
export function leavesOf(group: Group, prefix = ''): Leaf[] {
  return Object.entries(group).flatMap(([key, item]) => (isSetting(item) ? [{ path: prefix + key, setting: item }] : leavesOf(item, `${prefix}${key}.`)))
}

/** `http.port` -> `SKALD_HTTP_PORT`. */
export function environmentName(path: string): string {
  return ENVIRONMENT_PREFIX + path.toUpperCase().replaceAll('.', '_')
}

interface Findings {
  readonly values: Map<string, unknown>
  readonly mistakes: string[]
  readonly warnings: string[]
}

function readFile(schema: Group, yaml: string, fileName: string, findings: Findings): void {
  if (yaml.length > FILE_BYTES_MAX) {
    findings.mistakes.push(`${fileName} is larger than ${FILE_BYTES_MAX} bytes`)
    return
  }
  const lines = new LineCounter()
  // A bounded number of aliases: a few of them can otherwise unfold into gigabytes.
  const document = parseDocument(yaml, { lineCounter: lines })
  for (const error of document.errors) findings.mistakes.push(`${fileName}:${lines.linePos(error.pos[0]).line}: ${error.message.split('\n')[0]}`)
  if (document.errors.length > 0) return
  readGroup(schema, '', document.toJS({ maxAliasCount: 100 }), fileName, findings)
}

function readGroup(group: Group, prefix: string, value: unknown, fileName: string, findings: Findings): void {
  if (value === null || value === undefined) return
  if (typeof value !== 'object' || Array.isArray(value)) {
    findings.mistakes.push(`${fileName}: ${prefix === '' ? 'the file' : prefix.slice(0, -1)} holds ${shorten(value)}; a map of keys expected`)
    return
  }
  for (const [key, item] of Object.entries(value)) {
    const known = Object.hasOwn(group, key) ? group[key] : undefined
    if (known === undefined) findings.mistakes.push(`${fileName}: unknown key ${prefix}${key}${suggestion(key, Object.keys(group), prefix)}`)
    else if (isSetting(known)) readValue({ path: prefix + key, setting: known }, item, fileName, prefix + key, findings)
    else readGroup(known, `${prefix}${key}.`, item, fileName, findings)
  }
}

/** `called`: what the source calls the key, for the message. */
function readValue(leaf: Leaf, value: unknown, source: string, called: string, findings: Findings): void {
  try {
    findings.values.set(leaf.path, leaf.setting.parse(value))
    if (!leaf.setting.acts) findings.warnings.push(`${source}: ${called} is accepted and has no effect in Skald`)
  } catch (error) {
    if (!(error instanceof FormError)) throw error
    findings.mistakes.push(`${source}: ${called} is ${shorten(value)}; ${leaf.setting.expected} expected${error.message === '' ? '' : ` (${error.message})`}`)
  }
}

function readEnvironment(leaves: ReadonlyArray<Leaf>, sources: Omit<ConfigSources, 'schema'>, findings: Findings): void {
  const byName = new Map(leaves.map((leaf) => [environmentName(leaf.path), leaf]))
  for (const [name, value] of Object.entries(sources.environment ?? {})) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || value === undefined || sources.environmentIgnored?.includes(name)) continue
    const leaf = byName.get(name)
    if (leaf !== undefined) readValue(leaf, value, 'environment', name, findings)
    // A warning only: Kubernetes puts SKALD_SERVICE_HOST and the like there for a service of this name.
    else findings.warnings.push(`environment: unknown variable ${name}${suggestion(name, [...byName.keys()], '')}`)
  }
}

function build(group: Group, prefix: string, values: ReadonlyMap<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(group).map(([key, item]) => [key, isSetting(item) ? values.get(prefix + key) : build(item, `${prefix}${key}.`, values)]))
}

function suggestion(key: string, known: ReadonlyArray<string>, prefix: string): string {
  const nearest = nearestOf(key, known)
  return nearest === undefined ? '' : `, did you mean ${prefix}${nearest}?`
}

/** The known name with the fewest edits, if that is few enough to be a slip. */
export function nearestOf(name: string, known: ReadonlyArray<string>): string | undefined {
  const limit = Math.min(SUGGESTION_DISTANCE_MAX, Math.ceil(name.length / 2))
  const ranked = known.map((candidate) => ({ candidate, edits: editDistance(name, candidate) })).sort((a, b) => a.edits - b.edits)
  const best = ranked[0]
  return best !== undefined && best.edits <= limit ? best.candidate : undefined
}

function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > SUGGESTION_DISTANCE_MAX) return Number.POSITIVE_INFINITY
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** For messages: without users and passwords of URLs. */
function shorten(value: unknown): string {
  const shown = withoutLogin(JSON.stringify(value) ?? String(value))
  return shown.length > 80 ? `${shown.slice(0, 77)}…` : shown
}
