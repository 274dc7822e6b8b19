import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findNatsBinary, isAtLeast } from '../../runtime/nats-binary.ts'
import { fetchFromRelease } from '../../runtime/nats-binary-release.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'skald-bin-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function fakeServer(file: string, version: string): string {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, `#!/bin/sh\necho "nats-server: v${version}"\n`)
  chmodSync(file, 0o755)
  return file
}

describe('isAtLeast', () => {
  it.each([
    ['2.11.0', '2.10.9', true],
    ['2.9.10', '2.10.0', false],
    ['2.10.0', '2.10.0', true],
    ['3.0.0-beta.1', '2.99.0', true],
  ])('%s >= %s is %s', (version, minimum, expected) => {
    expect(isAtLeast(version, minimum)).toBe(expected)
  })
})

describe('findNatsBinary', () => {
  it('uses the given program and nothing else', async () => {
    const bin = fakeServer(path.join(folder, 'mine'), '2.12.3')
    expect(await findNatsBinary({ bin })).toEqual({ file: bin, version: '2.12.3' })
  })

  it('refuses a given program that does not run, or is too old, naming the setting', async () => {
    await expect(findNatsBinary({ bin: path.join(folder, 'absent') })).rejects.toThrow('SKALD_NATS_BIN')
    const old = fakeServer(path.join(folder, 'old'), '2.9.10')
    await expect(findNatsBinary({ bin: old })).rejects.toThrow('version 2.9.10; at least 2.10.0')
  })

  it('looks on PATH, skipping one that is too old', async () => {
    fakeServer(path.join(folder, 'a', 'nats-server'), '2.9.1')
    const good = fakeServer(path.join(folder, 'b', 'nats-server'), '2.11.4')
    const found = await findNatsBinary({ bin: '', searchPath: [`${folder}/a`, `${folder}/b`].join(path.delimiter), localDir: folder })
    expect(found).toEqual({ file: good, version: '2.11.4' })
  })

  it('then takes the newest that was fetched before', async () => {
    for (const version of ['2.11.9', '2.12.0', '2.9.0']) fakeServer(path.join(folder, 'nats-server', version, 'nats-server'), version)
    const found = await findNatsBinary({ bin: '', searchPath: '', localDir: folder })
    expect(found.version).toBe('2.12.0')
  })
})

describe('fetchFromRelease', () => {
  const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
  const archiveName = `nats-server-v2.12.1-${platform}.tar.gz`

  async function releaseSite(corrupt: boolean): Promise<{ url: string; close(): void }> {
    fakeServer(path.join(folder, 'src', 'pkg', 'nats-server'), '2.12.1')
    execFileSync('tar', ['-czf', archiveName, '-C', 'src', 'pkg'], { cwd: folder })
    const archive = readFileSync(path.join(folder, archiveName))
    const sum = createHash('sha256').update(archive).digest('hex')
    const sums = `${'0'.repeat(64)}  nats-server-v2.12.1-other.zip\n${corrupt ? 'f'.repeat(64) : sum}  ${archiveName}\n`
    const server = http.createServer((request, response) => {
      if (request.url === '/SHA256SUMS') response.end(sums)
      else if (request.url === `/${archiveName}`) response.end(archive)
      else response.writeHead(404).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() }
  }

  it('unpacks the archive for this platform when its checksum is right', async () => {
    const site = await releaseSite(false)
    const program = await fetchFromRelease(folder, () => {}, site.url)
    site.close()
    expect(execFileSync(program, { encoding: 'utf8' })).toContain('v2.12.1')
  })

  it('keeps nothing when the checksum is wrong', async () => {
    const site = await releaseSite(true)
    await expect(fetchFromRelease(folder, () => {}, site.url)).rejects.toThrow(`the checksum of ${archiveName} is wrong`)
    site.close()
    expect(existsSync(path.join(folder, 'nats-server'))).toBe(false)
  })

  it('says which address it could not get', async () => {
    const site = await releaseSite(false)
    await expect(fetchFromRelease(folder, () => {}, `${site.url}/none`)).rejects.toThrow('answered 404')
    site.close()
  })
})
