/**
 * Fetches nats-server from its project's newest release, checked against the release's SHA256SUMS. The way for systems without a package of it.
 * Called by `nats-binary.ts`; it never keeps a file whose checksum differs.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const RELEASE_URL = 'https://github.com/nats-io/nats-server/releases/latest/download'
const TIMEOUT_MS = 120_000
const ARCHIVE_BYTES_MAX = 200 << 20

const PLATFORMS: Readonly<Record<string, string>> = { 'linux-x64': 'linux-amd64', 'linux-arm64': 'linux-arm64', 'darwin-x64': 'darwin-amd64', 'darwin-arm64': 'darwin-arm64' }

/** The path of the unpacked program inside `workDir`. Rejects with a sentence that says which step failed. */
export async function fetchFromRelease(workDir: string, onFetch: (from: string) => void, releaseUrl = RELEASE_URL): Promise<string> {
  const platform = PLATFORMS[`${process.platform}-${process.arch}`]
  if (platform === undefined) throw new Error(`no nats-server release for ${process.platform}-${process.arch}`)
  onFetch('the newest release of the nats-server project')
  const sums = (await download(`${releaseUrl}/SHA256SUMS`)).toString('utf8')
  const { name, sha256 } = pickArchive(sums, platform)
  const archive = await download(`${releaseUrl}/${name}`)
  if (createHash('sha256').update(archive).digest('hex') !== sha256) throw new Error(`the checksum of ${name} is wrong`)
  writeFileSync(path.join(workDir, name), archive)
  await run('tar', ['-xzf', name, '--strip-components=1'], { cwd: workDir, timeout: TIMEOUT_MS })
  return path.join(workDir, 'nats-server')
}

function pickArchive(sums: string, platform: string): { name: string; sha256: string } {
  const line = new RegExp(`^([0-9a-f]{64})[ *]+(nats-server-v[0-9][^\\s/]*-${platform}\\.tar\\.gz)$`, 'm').exec(sums)
  if (line?.[1] === undefined || line[2] === undefined) throw new Error(`the release lists no archive for ${platform}`)
  return { sha256: line[1], name: line[2] }
}

async function download(url: string): Promise<Buffer> {
  let response: Response
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  } catch (error) {
    throw new Error(`${url} cannot be reached`, { cause: error })
  }
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  if (Number(response.headers.get('content-length') ?? 0) > ARCHIVE_BYTES_MAX) throw new Error(`${url} is larger than ${ARCHIVE_BYTES_MAX} bytes`)
  return Buffer.from(await response.arrayBuffer())
}
