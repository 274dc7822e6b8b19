/**
 * Fetches packages of a Debian suite, with all that they need, into a folder of the project, by an apt with a state of its own. For tests that want real servers;
 * throws a sentence when the machine cannot do it.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { openPrivateApt, runStep } from '../../runtime/private-apt.ts'

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const TIMEOUT_MS = 240_000
const UNPACKERS = 2

/** The folder that holds the unpacked tree; made once. */
export async function unpackDebianPackages(localDir: string, suite: string, packages: ReadonlyArray<string>, timeoutMs = TIMEOUT_MS): Promise<string> {
  const unpacked = path.join(localDir, 'root')
  if (existsSync(unpacked)) return unpacked
  const codename = /^VERSION_CODENAME=(.+)$/m.exec(existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '')?.[1]
  if (codename === undefined || !existsSync(KEYRING)) throw new Error('not a Debian system with its archive keyring')
  const work = path.join(localDir, `fetch-${process.pid}`)
  try {
    const apt = await openPrivateApt(work, { codename, suite, components: 'main', keyring: KEYRING, timeoutMs })
    await apt('update')
    await apt('-y', '--no-install-recommends', '--download-only', 'install', ...packages)
    await unpackAll(path.join(work, 'cache/archives'), path.join(work, 'root'), timeoutMs)
    renameSync(path.join(work, 'root'), unpacked)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return unpacked
}

async function unpackAll(archives: string, into: string, timeoutMs: number): Promise<void> {
  mkdirSync(into, { recursive: true })
  const files = readdirSync(archives).filter((name) => name.endsWith('.deb'))
  const lane = async (): Promise<void> => {
    for (let file = files.pop(); file !== undefined; file = files.pop()) await runStep('dpkg-deb', ['-x', path.join(archives, file), into], { cwd: into, timeoutMs })
  }
  await Promise.all(Array.from({ length: UNPACKERS }, lane))
}
