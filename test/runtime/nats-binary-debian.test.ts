import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { findNatsBinary } from '../../runtime/nats-binary.ts'

const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
const codename = /^VERSION_CODENAME=(\w+)/m.exec(release)?.[1] ?? ''
const isDebian = /^ID=debian$/m.test(release) && existsSync('/usr/share/keyrings/debian-archive-keyring.gpg')

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'skald-apt-'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

function tool(name: string, script: string): void {
  const bin = path.join(folder, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(path.join(bin, name), `#!/bin/sh\necho "${name} $*" >> ${folder}/calls\n${script}\n`)
  chmodSync(path.join(bin, name), 0o755)
}

/** apt and dpkg as far as they are used; the package holds a program that only knows its version. */
function packageTools(version: string): void {
  vi.stubEnv('PATH', `${folder}/bin${path.delimiter}${process.env['PATH'] ?? ''}`)
  vi.stubEnv('SKALD_NATS_BIN', '')
  tool(
    'apt-get',
    `case "$*" in
      *--print-uris*) echo "'http://mirror.example/elsewhere/dists/other/InRelease' x 0"; echo "'http://mirror.example/debian/dists/${codename}/InRelease' x 0" ;;
      *update) cp sources.list ${folder}/sources.list; cp apt.conf ${folder}/apt.conf ;;
      *download*) touch nats-server_x.deb ;;
    esac`,
  )
  tool('dpkg-deb', `mkdir -p "$3/usr/sbin"; printf '#!/bin/sh\\necho "nats-server: v${version}"\\n' > "$3/usr/sbin/nats-server"; chmod +x "$3/usr/sbin/nats-server"`)
}

const calls = (): string[] => readFileSync(path.join(folder, 'calls'), 'utf8').trim().split('\n')
const find = (onFetch?: (from: string) => void) => findNatsBinary({ searchPath: '', localDir: path.join(folder, 'local'), ...(onFetch === undefined ? {} : { onFetch }) })

describe.skipIf(!isDebian)('fetching from the distribution (skipped elsewhere than on Debian)', () => {
  it("uses the machine's own mirror, the distribution's keyring, and a state of its own", async () => {
    packageTools('2.15.1')
    const fetched: string[] = []
    const found = await find((from) => fetched.push(from))
    expect(found).toEqual({ version: '2.15.1', file: path.join(folder, 'local', 'nats-server', '2.15.1', 'nats-server') })
    expect(fetched).toHaveLength(1)
    expect(readFileSync(path.join(folder, 'sources.list'), 'utf8')).toBe('deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian sid main\n')
    expect(readFileSync(path.join(folder, 'apt.conf'), 'utf8')).toContain(`Dir::State "${path.join(folder, 'local', 'fetch')}`)
  })

  it('fetches once for all who ask at the same time, and never again', async () => {
    packageTools('2.15.1')
    const found = await Promise.all([find(), find(), find()])
    expect(new Set(found.map((one) => one.file)).size).toBe(1)
    await find()
    expect(calls().filter((call) => call.includes('download'))).toHaveLength(1)
  })

  it('leaves nothing of the work behind', async () => {
    packageTools('2.15.1')
    await find()
    expect(existsSync(path.join(folder, 'local', 'fetch', `work-${process.pid}`))).toBe(false)
  })

  it('names every way that failed and what to do', async () => {
    packageTools('2.9.10')
    vi.stubGlobal('fetch', () => Promise.reject(new Error('no network')))
    await expect(find()).rejects.toThrow(expect.objectContaining({ code: 'setup', message: expect.stringMatching(/is 2\.9\.10, at least 2\.11\.0 is needed; .*SHA256SUMS cannot be reached.*SKALD_NATS_BIN.*SKALD_NATS_URL/) }))
    vi.unstubAllGlobals()
  })

  it('says which step failed, in apt\'s own words', async () => {
    packageTools('2.15.1')
    tool('apt-get', 'case "$*" in *--print-uris*) exit 0 ;; esac')
    vi.stubGlobal('fetch', () => Promise.reject(new Error('no network')))
    await expect(find()).rejects.toThrow(`names no mirror for ${codename}`)
    tool('apt-get', `case "$*" in *--print-uris*) echo "'http://m.example/debian/dists/${codename}/InRelease' x 0" ;; *) echo "E: The repository is not signed." >&2; exit 100 ;; esac`)
    await expect(find()).rejects.toThrow('apt-get update failed: E: The repository is not signed.')
    vi.unstubAllGlobals()
  })
})
