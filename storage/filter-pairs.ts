/**
 * The bits of a structured metadata pair in a block's filter: several hashes of name and value as a whole, because such a search is for equality and has
 * nothing else to ask for. Filter building and reading share it.
 */

export const PAIR_HASHES = 4
const FNV_PRIME = 0x0100_0193
const SEPARATOR = 0

/** Writes the pair's hashes into the first PAIR_HASHES places. */
export function pairHashes(name: string, value: string, into: Uint32Array): void {
  const first = finish(hashText(hashText(0x811c_9dc5, name) ^ SEPARATOR, value))
  const step = finish(first ^ 0x9e37_79b1) | 1
  for (let k = 0; k < PAIR_HASHES; k++) into[k] = finish(first + Math.imul(k, step))
}

function hashText(seed: number, text: string): number {
  let hash = Math.imul(seed, FNV_PRIME)
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME)
  return hash
}

function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
