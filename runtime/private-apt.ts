/**
 * An apt with a state of its own, in a folder: no root, nothing installed, the system's state untouched. It asks the mirror that the machine itself is configured
 * for and checks signatures and hashes by the distribution's keyring. Used to fetch nats-server, and by tests that want other servers.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface AptSource {
  /** Of the machine's own suite: tells which mirror it uses. */
  readonly codename: string
  /** What is fetched from there. */
  readonly suite: string
  readonly components: string
  readonly keyring: string
  /** Of each command. */
  readonly timeoutMs: number
}

/** Runs an apt-get command over the source. Rejects with a sentence that says which step failed. */
export type Apt = (...command: string[]) => Promise<unknown>

/** `workDir` is made; it holds lists and packages (`cache/archives`) afterwards. */
export async function openPrivateApt(workDir: string, { codename, suite, components, keyring, timeoutMs }: AptSource): Promise<Apt> {
  const config = writeState(workDir)
  const within = { cwd: workDir, timeoutMs }
  const mirror = await ownMirror(config, codename, within)
  writeFileSync(path.join(workDir, 'sources.list'), `deb [signed-by=${keyring}] ${mirror} ${suite} ${components}\n`)
  const options = ['-q', '-c', config, '-o', `Dir::Etc::SourceList=${workDir}/sources.list`, '-o', 'Dir::Etc::SourceParts=/dev/null']
  return (...command) => runStep('apt-get', [...options, ...command], within)
}

/** The machine's own configuration (proxy and such) stays in force; only state, cache, preferences and hooks are replaced. */
function writeState(workDir: string): string {
  for (const folder of ['lists/partial', 'cache/archives/partial']) mkdirSync(path.join(workDir, folder), { recursive: true })
  writeFileSync(path.join(workDir, 'status'), '')
  const file = path.join(workDir, 'apt.conf')
  writeFileSync(
    file,
    [
      `Dir::State "${workDir}";`,
      `Dir::State::lists "${workDir}/lists";`,
      `Dir::State::status "${workDir}/status";`,
      `Dir::Cache "${workDir}/cache";`,
      'Dir::Etc::Preferences "/dev/null";',
      'Dir::Etc::PreferencesParts "/dev/null";',
      // As root, apt would drop to a user that cannot write into our folder.
      'APT::Sandbox::User "";',
      '#clear APT::Update::Post-Invoke;',
      '#clear APT::Update::Post-Invoke-Success;',
      '',
    ].join('\n'),
  )
  return file
}

/** Where the machine gets its own suite from: the address before `/dists/<codename>/`. */
async function ownMirror(config: string, codename: string, within: StepOptions): Promise<string> {
  const { stdout } = await runStep('apt-get', ['-c', config, 'update', '--print-uris'], within)
  const mirror = new RegExp(`^'([^'\\s]+)/dists/${codename}/`, 'm').exec(stdout)?.[1]
  if (mirror === undefined) throw new Error(`this machine's apt configuration names no mirror for ${codename}`)
  return mirror
}

interface StepOptions {
  readonly cwd: string
  readonly timeoutMs: number
}

/** Rejects with the command and the last line of what it complained. */
export async function runStep(command: string, args: readonly string[], { cwd, timeoutMs }: StepOptions): Promise<{ stdout: string }> {
  try {
    return await run(command, args, { cwd, timeout: timeoutMs, maxBuffer: 16 << 20, env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' } })
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim().split('\n').at(-1) : ''
    throw new Error(`${command} ${args.at(-1)} failed${stderr ? `: ${stderr}` : ''}`, { cause: error })
  }
}
