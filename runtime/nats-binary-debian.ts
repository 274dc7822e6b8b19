/**
 * Fetches the nats-server package of a Debian-like system without root, by an apt with a state of its own (`private-apt.ts`). Called by
 * `nats-binary.ts`; it never touches the system's apt state.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { openPrivateApt, runStep } from './private-apt.ts'

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
  const apt = await openPrivateApt(workDir, { ...distribution, codename, timeoutMs: TIMEOUT_MS })
  onFetch(`the ${distribution.suite} packages of this distribution`)
  await apt('update')
  await apt('download', 'nats-server')
  const archive = readdirSync(workDir).find((name) => name.endsWith('.deb'))
  if (archive === undefined) throw new Error('apt-get download left no package')
  await runStep('dpkg-deb', ['-x', archive, 'unpacked'], { cwd: workDir, timeoutMs: TIMEOUT_MS })
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

function findProgram(folder: string): string {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).find((f) => f.isFile() && f.name === 'nats-server' && path.basename(f.parentPath).endsWith('bin'))
  if (found === undefined) throw new Error('the package holds no nats-server program')
  return path.join(found.parentPath, found.name)
}
