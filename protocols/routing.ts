/**
 * Which partition a stream belongs to: a stable hash of tenant and canonical labels.
 *
 * Every gateway must agree on it and it must never change, since a stream's order lives in one partition; test vectors pin it. Growing the number
 * of partitions moves only the streams that go to the new ones (jump consistent hashing: Lamping & Veach 2014, with a 32-bit generator).
 */
import type { TenantId } from './model.ts'

/** Two independent 32-bit halves of a stream's hash. Not for security. */
export interface StreamHash {
  readonly high: number
  readonly low: number
}

/** FNV-1a over the UTF-16 units, low byte then high byte where it is not zero, in two lanes, finished by murmur3's mixer. */
export function hashText(text: string, seed = 0): StreamHash {
  let a = (0x811c9dc5 ^ seed) | 0
  let b = (0x9747b28c ^ Math.imul(seed, 0x85ebca6b)) | 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    a = Math.imul(a ^ (unit & 0xff), 0x01000193)
    b = Math.imul(b ^ (unit & 0xff), 0x5bd1e995)
    b ^= b >>> 15
    if (unit > 0xff) {
      a = Math.imul(a ^ (unit >>> 8), 0x01000193)
      b = Math.imul(b ^ (unit >>> 8), 0x5bd1e995)
    }
  }
  return { high: mix(a ^ text.length), low: mix(b) }
}

function mix(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** The partition, `0 .. partitions-1`, of a tenant's stream with these canonical labels (`formatLabels`). */
export function partitionOf(tenant: TenantId, canonicalText: string, partitions: number): number {
  const { high, low } = hashText(canonicalText, hashText(tenant).high)
  let state = (high ^ Math.imul(low, 0x9e3779b1)) | 0
  let bucket = 0
  for (let next = 0; next < partitions; ) {
    bucket = next
    state = (state + 0x6d2b79f5) | 0
    next = Math.floor((bucket + 1) / ((mix(state ^ low) + 1) / 4_294_967_296))
  }
  return bucket
}

/**
 * The partitions that a tenant's streams go to, best first: `size` of them by rendezvous hashing (shuffle sharding: two tenants share all of theirs rarely, so one that
 * floods its own leaves others alone). Size 0: all. A partition that is added takes the place of at most one.
 */
export function tenantShard(tenant: TenantId, partitions: number, size: number): ReadonlyArray<number> {
  const all = Array.from({ length: partitions }, (_, partition) => partition)
  if (size <= 0 || size >= partitions) return all
  const { high, low } = hashText(tenant)
  return byScore(all, high, low).slice(0, size)
}

/** The partition of a tenant's stream where the tenant has a shard of its own; all partitions: `partitionOf`. */
export function partitionInShard(tenant: TenantId, canonicalText: string, shard: ReadonlyArray<number>): number {
  const { high, low } = hashText(canonicalText, hashText(tenant).high)
  let best = 0
  let bestScore = -1
  for (const partition of shard) {
    const score = scoreOf(partition, high, low)
    if (score > bestScore) [best, bestScore] = [partition, score]
  }
  return best
}

const byScore = (partitions: ReadonlyArray<number>, high: number, low: number): number[] => partitions.toSorted((a, b) => scoreOf(b, high, low) - scoreOf(a, high, low) || a - b)

const scoreOf = (partition: number, high: number, low: number): number => mix(mix(high ^ Math.imul(partition + 1, 0x9e3779b1)) ^ low)
