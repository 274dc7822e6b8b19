/** A copy of the source in which the WAL writer answers pushes before the WAL has acknowledged them (a deliberate breach of W1). */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

const COPIED = ['actors', 'bin', 'protocols', 'runtime', 'storage', 'package.json']
const LINKED = ['node_modules', '.local', 'web']
const HONEST = 'const sequence = await wal.append('
const EARLY = 'for (const { reply } of queued) reply.succeed(0)\n    const sequence = await wal.append('

export async function brokenTree(root: string): Promise<{ tree: string; remove: () => Promise<void> }> {
  const tree = await mkdtemp(path.join(tmpdir(), 'skald-broken-'))
  for (const name of COPIED) await cp(path.join(root, name), path.join(tree, name), { recursive: true })
  for (const name of LINKED) await symlink(path.join(root, name), path.join(tree, name)).catch(() => undefined)
  const file = path.join(tree, 'actors/write/wal-writer.ts')
  const source = await readFile(file, 'utf8')
  if (!source.includes(HONEST)) throw new Error('wal-writer.ts has changed: the broken build cannot be made')
  await writeFile(file, source.replace(HONEST, EARLY))
  return { tree, remove: () => rm(tree, { recursive: true, force: true }) }
}
