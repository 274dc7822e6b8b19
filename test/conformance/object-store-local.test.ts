/** The object-store suite over files, memory, and S3 on an in-process server. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SystemClock } from '../../runtime/clock-system.ts'
import { SystemRandom } from '../../runtime/random-system.ts'
import { openFsObjectStore } from '../../storage/object-store-fs.ts'
import { withReadsNow } from '../../storage/object-store-fs-now.ts'
import { MemoryObjectStore } from '../../storage/object-store-memory.ts'
import { startS3 } from '../support/s3.ts'
import { objectStoreConformance } from './object-store.ts'

const MIB = 1024 * 1024

objectStoreConformance('memory', async () => ({ store: new MemoryObjectStore(new SystemClock()), close: async () => undefined }), {
  largeBytes: 3 * MIB,
  manyKeys: 100,
})

objectStoreConformance(
  'files',
  async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'skald-objects-'))
    const store = await openFsObjectStore({ directory, random: new SystemRandom(), nowMs: Date.now() })
    return { store, close: () => rm(directory, { recursive: true }) }
  },
  { largeBytes: 13 * MIB + 1, manyKeys: 100 },
)

objectStoreConformance(
  'files, read without leaving the thread',
  async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'skald-objects-'))
    const store = await openFsObjectStore({ directory, random: new SystemRandom(), nowMs: Date.now() })
    return { store: withReadsNow(async () => store, directory), close: () => rm(directory, { recursive: true }) }
  },
  { largeBytes: 3 * MIB, manyKeys: 100 },
)

objectStoreConformance(
  'S3 (fauxqs)',
  async () => {
    const server = await startS3()
    return { store: server.open({ multipartFromBytes: 6 * MIB, partBytes: 5 * MIB }), close: server.stop }
  },
  { largeBytes: 13 * MIB + 1, manyKeys: 1203 },
)
