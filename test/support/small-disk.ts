/**
 * A file system of a few megabytes in memory, for tests that fill a disk. Mounting one takes root; without, the reason. A test that was killed leaves its disk behind, and perhaps
 * a nats-server on it: the next one ends both, known by the process that the folder is named for.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { findServers } from '../../runtime/nats-orphan.ts'

export interface SmallDisk {
  readonly mountPoint: string
  unmount(): void
}

const PREFIX = 'skald-disk-'
/** Where a test's nats-server has its configuration on the disk. */
export const natsFolderOn = ({ mountPoint }: Pick<SmallDisk, 'mountPoint'>): string => path.join(mountPoint, 'nats')

export function mountSmallDisk(sizeMib: number): SmallDisk | { readonly reason: string } {
  unmountLeftBehind()
  const mountPoint = mkdtempSync(path.join(os.tmpdir(), `${PREFIX}${process.pid}-`))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', mountPoint], { stdio: 'pipe' })
  } catch {
    rmSync(mountPoint, { recursive: true })
    return { reason: 'needs the right to mount a tmpfs' }
  }
  return {
    mountPoint,
    unmount: () => {
      execFileSync('umount', [mountPoint])
      rmSync(mountPoint, { recursive: true })
    },
  }
}

function unmountLeftBehind(): void {
  for (const name of readdirSync(os.tmpdir())) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue
    const mountPoint = path.join(os.tmpdir(), name)
    try {
      for (const server of findServers(path.join(natsFolderOn({ mountPoint }), 'nats-server.conf'), '')) process.kill(server, 'SIGKILL')
      // Lazily: the server may need a moment to let go of its files.
      execFileSync('umount', ['-l', mountPoint], { stdio: 'pipe' })
      rmSync(mountPoint, { recursive: true })
    } catch {
      // Not ours to take away, or gone already.
    }
  }
}
