/**
 * The state of the program's source files on disk. A node that was upgraded but not restarted would start its next threads from other code than it runs, and they would
 * misunderstand each other silently; so `worker-pool.ts` hands the state on, and `worker-host.ts` compares. Names, sizes and times only: it reads no file.
 */
import { createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'

const ROOT = path.resolve(import.meta.dirname, '..')
const PARTS = ['package.json', 'runtime', 'protocols', 'storage', 'actors']

/** Equal as long as no file of the program has changed. Milliseconds; blocking. */
export function programFiles(root = ROOT): string {
  const hash = createHash('sha1')
  for (const part of PARTS) {
    const found = statSync(path.join(root, part), { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(path.join(root, part), { recursive: true }) : ['']
    for (const name of found.map(String).sort()) {
      const file = path.join(part, name)
      const state = statSync(path.join(root, file), { throwIfNoEntry: false })
      if (state?.isFile() === true) hash.update(`${file}\0${state.size}\0${state.mtimeMs}\0`)
    }
  }
  return hash.digest('hex')
}
