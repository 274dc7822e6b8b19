/**
 * Fetches the nats-server package of a Debian-like system without root: a private apt state, the mirror that the machine itself is configured
 * for, the distribution's own keyring, so that apt checks signature and hash. Called by `nats-binary.ts`; it never touches the system's apt state.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const TIMEOUT_MS = 120_000

interface Distribution {
  readonly keyring: string
  /** The suite that moves with development: a stable one is too old. */
  readonly suite: string
  readonly components: string
}

const DISTRIBUTIONS: Readonly<Record<string, Distribution>> = {
  debian: { keyring: '/usr/share/keyrings/debian-archive-keyring.gpg', suite: 'sid', components: 'main' },
  ubuntu: { keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg', suite: 'devel', components: 'main universe' },
}

/** The path of the unpacked program inside `workDir`. Rejects with a sentence that says which step failed. */
export async function fetchFromDebian(workDir: string, onFetch: (from: string) => void): Promise<string> {
  const { distribution, codename } = detect()
  const config = writeAptState(workDir)
  const mirror = await ownMirror(config, codename)
  onFetch(`the ${distribution.suite} packages of this distribution`)
  writeFileSync(path.join(workDir, 'sources.list'), `deb [signed-by=${distribution.keyring}] ${mirror} ${distribution.suite} ${distribution.components}\n`)
  const options = ['-q', '-c', config, '-o', `Dir::Etc::SourceList=${workDir}/sources.list`, '-o', 'Dir::Etc::SourceParts=/dev/null']
  await step('apt-get', [...options, 'update'], workDir)
  await step('apt-get', [...options, 'download', 'nats-server'], workDir)
  const archive = readdirSync(workDir).find((name) => name.endsWith('.deb'))
  if (archive === undefined) throw new Error('apt-get download left no package')
  await step('dpkg-deb', ['-x', archive, 'unpacked'], workDir)
  return findProgram(path.join(workDir, 'unpacked'))
}

function detect(): { distribution: Distribution; codename: string } {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
  const field = (name: string): string => new RegExp(`^${name}="?([^"\\n]*)`, 'm').exec(release)?.[1] ?? ''
  const distribution = DISTRIBUTIONS[field('ID')]
  const codename = field('VERSION_CODENAME')
  if (distribution === undefined || codename === '' || !existsSync(distribution.keyring)) throw new Error('this is not a Debian or Ubuntu with its archive keyring')
  return { distribution, codename }
}

/** The machine's own configuration (proxy and such) stays in force; only state, cache, preferences and hooks are replaced. */
function writeAptState(workDir: string): string {
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
async function ownMirror(config: string, codename: string): Promise<string> {
  const { stdout } = await step('apt-get', ['-c', config, 'update', '--print-uris'], path.dirname(config))
  const mirror = new RegExp(`^'([^'\\s]+)/dists/${codename}/`, 'm').exec(stdout)?.[1]
  if (mirror === undefined) throw new Error(`this machine's apt configuration names no mirror for ${codename}`)
  return mirror
}

function findProgram(folder: string): string {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).find((f) => f.isFile() && f.name === 'nats-server' && path.basename(f.parentPath).endsWith('bin'))
  if (found === undefined) throw new Error('the package holds no nats-server program')
  return path.join(found.parentPath, found.name)
}

async function step(command: string, args: readonly string[], cwd: string): Promise<{ stdout: string }> {
  try {
    return await run(command, args, { cwd, timeout: TIMEOUT_MS, maxBuffer: 16 << 20, env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' } })
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim().split('\n').at(-1) : ''
    throw new Error(`${command} ${args.at(-1)} failed${stderr ? `: ${stderr}` : ''}`, { cause: error })
  }
}
