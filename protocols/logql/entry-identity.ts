/**
 * A fingerprint of an entry as it is stored (stream, structured metadata, line): equal for exact duplicates, wherever they lie and whatever the pipeline
 * makes of them. Only entries that are about to be kept are fingerprinted. Used by the log scan; compared together with the entry's time.
 */
import type { EntryBlock, Labels } from '../model.ts'
import { labelKey } from './label-set.ts'

const FNV_PRIME = 0x01000193
const SEED_A = 0x811c9dc5
const SEED_B = 0x9e3779b9

export function entryIdentity(block: EntryBlock, stream: Labels, row: number): string {
  const { bytes, starts, lengths } = block.lines()
  const metadata = block.metadata()
  const origin = Buffer.from(metadata === null ? labelKey(stream) : `${labelKey(stream)}${labelKey(metadata.sets[metadata.codes[row]!]!)}`)
  const a = fnv(bytes, starts[row]!, lengths[row]!, fnv(origin, 0, origin.length, SEED_A))
  const b = fnv(bytes, starts[row]!, lengths[row]!, fnv(origin, 0, origin.length, SEED_B))
  return `${a.toString(36)}.${b.toString(36)}.${lengths[row]!.toString(36)}`
}

/** FNV-1a over a range of bytes. */
function fnv(bytes: Buffer, start: number, length: number, seed: number): number {
  let hash = seed
  for (let i = start; i < start + length; i++) hash = Math.imul(hash ^ bytes[i]!, FNV_PRIME)
  return hash >>> 0
}
