/**
 * How many distinct values there are, as the HyperLogLog sketch estimates it that Loki answers with: 2^14 registers, and while there are few values their 25-bit
 * prefixes (Heule et al. 2013, LogLog-Beta by Qin et al. 2016). Exact counts would differ from Loki's where two prefixes collide; the recorded answers have such a case.
 */
import { metroHash64 } from './metro-hash.ts'

const SEED = 1337n
const PRECISION = 14
const REGISTERS = 1 << PRECISION
/** Bits of a hash that the sparse form keeps. */
const SPARSE_PRECISION = 25
/** Distinct prefixes beyond which the registers take over: about when the sparse list would be as large as they are. */
const SPARSE_MAX = 6_000

export function estimateCardinality(values: Iterable<string>): number {
  const hashes = Array.from(values, (value) => metroHash64(Buffer.from(value), SEED))
  const prefixes = new Set(hashes.map((hash) => Number(hash >> BigInt(64 - SPARSE_PRECISION))))
  if (prefixes.size <= SPARSE_MAX) return linearCount(2 ** SPARSE_PRECISION, prefixes.size)
  return registerEstimate(hashes)
}

const linearCount = (slots: number, used: number): number => Math.floor(slots * Math.log(slots / (slots - used)))

function registerEstimate(hashes: ReadonlyArray<bigint>): number {
  const registers = new Uint8Array(REGISTERS)
  const restBits = BigInt(64 - PRECISION)
  for (const hash of hashes) {
    const register = Number(hash >> restBits)
    const rest = hash & ((1n << restBits) - 1n)
    const rank = Number(restBits) - rest.toString(2).length + 1 + (rest === 0n ? 1 : 0)
    if (rank > registers[register]!) registers[register] = rank
  }
  let sum = 0
  let empty = 0
  for (const rank of registers) {
    sum += 2 ** -rank
    if (rank === 0) empty++
  }
  const alpha = 0.7213 / (1 + 1.079 / REGISTERS)
  return Math.floor((alpha * REGISTERS * (REGISTERS - empty)) / (sum + beta(empty)) + 0.5)
}

/** The correction for 2^14 registers, from the LogLog-Beta paper. */
const BETA = [0.070471823, 0.17393686, 0.16339839, -0.09237745, 0.03738027, -0.005384159, 0.00042419]

function beta(empty: number): number {
  const log = Math.log(empty + 1)
  return BETA.reduce((sum, factor, i) => sum + factor * log ** (i + 1), -0.370393911 * empty)
}
