/**
 * Walks a directory tree in the order of object keys, for the file store's `list`. Key order is not directory order: `a-b` sorts before
 * `a/c`, so a folder is compared as its name with the slash. Only folders that can hold the prefix are read.
 */
import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import type { ObjectInfo } from './object-store.ts'

/** Files that vanish while the walk is on are passed over. */
export async function* listFiles(root: string, prefix: string, folder = ''): AsyncGenerator<ObjectInfo> {
  for (const name of await sortedNames(path.join(root, folder))) {
    const key = folder + name
    if (name.endsWith('/')) {
      if (key.startsWith(prefix) || prefix.startsWith(key)) yield* listFiles(root, prefix, key)
    } else if (key.startsWith(prefix)) {
      const found = await stat(path.join(root, key)).catch(() => undefined)
      if (found !== undefined) yield { key, sizeBytes: found.size, modifiedMs: Math.floor(found.mtimeMs) }
    }
  }
}

async function sortedNames(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return entries
    .filter((entry) => !entry.name.startsWith('.'))
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort()
}
