/**
 * Tells a folder of objects from another that only has the same path, on another machine: a name that is made once and lies in it. Nodes of a cluster compare it before they join;
 * nothing else reads it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Random } from '../runtime/random.ts'

const FILE = 'store-id'
const BYTES = 8

/** Undefined where it can be neither read nor made: whoever opens the store says why. */
export function folderIdentity(directory: string, random: Random): string | undefined {
  const file = path.join(directory, FILE)
  try {
    mkdirSync(directory, { recursive: true })
    // Of two nodes that start at one time, one makes it.
    writeFileSync(file, random.hex(BYTES), { flag: 'wx' })
  } catch {
    // It is there, or cannot be made.
  }
  try {
    // Empty: it is being made.
    return readFileSync(file, 'utf8') || undefined
  } catch {
    return undefined
  }
}
