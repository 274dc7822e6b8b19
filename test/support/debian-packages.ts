/**
 * Fetches packages of a Debian suite, with all that they need, into a folder of the project: no root, nothing installed. A private apt state,
 * the mirror that the machine itself is configured for, the distribution's keyring, so apt checks signatures and hashes. For tests that want
 * real servers; throws a sentence when the machine cannot do it.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
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
    const options = await aptOptions(work, suite, codename)
    await run('apt-get', [...options, 'update'], { timeout: timeoutMs })
    await run('apt-get', [...options, '-y', '--no-install-recommends', '--download-only', 'install', ...packages], { timeout: timeoutMs, maxBuffer: 16 << 20 })
    await unpackAll(path.join(work, 'cache/archives'), path.join(work, 'root'))
    renameSync(path.join(work, 'root'), unpacked)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return unpacked
}

async function aptOptions(work: string, suite: string, codename: string): Promise<string[]> {
  for (const folder of ['lists/partial', 'cache/archives/partial']) mkdirSync(path.join(work, folder), { recursive: true })
  writeFileSync(path.join(work, 'status'), '')
  const settings = { 'Dir::State': work, 'Dir::State::lists': `${work}/lists`, 'Dir::State::status': `${work}/status`, 'Dir::Cache': `${work}/cache` }
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";`)
  lines.push('Dir::Etc::Preferences "/dev/null";', 'Dir::Etc::PreferencesParts "/dev/null";', 'APT::Sandbox::User "";', '#clear APT::Update::Post-Invoke;')
  writeFileSync(path.join(work, 'apt.conf'), `${lines.join('\n')}\n`)
  const config = ['-q', '-c', path.join(work, 'apt.conf')]
  const { stdout } = await run('apt-get', [...config, 'update', '--print-uris'], { timeout: TIMEOUT_MS })
  const mirror = new RegExp(`^'([^'\\s]+)/dists/${codename}/`, 'm').exec(stdout)?.[1]
  if (mirror === undefined) throw new Error(`the machine's apt configuration names no mirror for ${codename}`)
  writeFileSync(path.join(work, 'sources.list'), `deb [signed-by=${KEYRING}] ${mirror} ${suite} main\n`)
  return [...config, '-o', `Dir::Etc::SourceList=${work}/sources.list`, '-o', 'Dir::Etc::SourceParts=/dev/null']
}

async function unpackAll(archives: string, into: string): Promise<void> {
  mkdirSync(into, { recursive: true })
  const files = readdirSync(archives).filter((name) => name.endsWith('.deb'))
  const lane = async (): Promise<void> => {
    for (let file = files.pop(); file !== undefined; file = files.pop()) await run('dpkg-deb', ['-x', path.join(archives, file), into])
  }
  await Promise.all(Array.from({ length: UNPACKERS }, lane))
}
