/**
 * The node's own name: `node_id` from the configuration, or one that is made once and kept in `data_dir`, so that a node that was killed comes back
 * under its name and takes its leases again at once. It is part of subjects and keys, hence its few characters.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { SkaldError } from '../../runtime/errors.ts'
import type { Random } from '../../runtime/random.ts'

const FILE = 'node-id'
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/
const RANDOM_DIGITS = 8

/** `hostname` only makes the name readable. Throws SkaldError `setup` for a name that cannot be used. */
export function nodeIdOf(configured: string, dataDir: string, hostname: string, random: Random): string {
  if (configured !== '') return checked(configured, 'node_id')
  const file = path.join(dataDir, FILE)
  const kept = read(file)
  if (kept !== null) return checked(kept, file)
  const id = `${hostname.replaceAll(/[^A-Za-z0-9-]/g, '-').replace(/^-+/, '').slice(0, 40) || 'node'}-${random.hex(RANDOM_DIGITS)}`
  writeFileSync(file, `${id}\n`)
  return id
}

function checked(id: string, from: string): string {
  if (!ID.test(id)) throw new SkaldError('setup', `${from}: "${id}" is no name for a node; letters, digits, - and _ are allowed, 63 of them at most`)
  return id
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return null
  }
}
