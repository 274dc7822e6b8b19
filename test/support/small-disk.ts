/** A file system of a few megabytes in memory, for tests that fill a disk. Mounting one takes root; without, the reason. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

export interface SmallDisk {
  readonly mountPoint: string
  unmount(): void
}

export function mountSmallDisk(sizeMib: number): SmallDisk | { readonly reason: string } {
  const mountPoint = mkdtempSync(path.join(os.tmpdir(), 'skald-disk-'))
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
