/**
 * MetroHash64 (J. Andrew Rogers, 2015; https://github.com/jandrewrogers/MetroHash): the hash behind Loki's cardinality estimates. For a few thousand values a
 * request; uses BigInt, so never for lines. Values checked against the recorded estimates.
 */
const MASK = (1n << 64n) - 1n
const K0 = 0xd6d018f5n
const K1 = 0xa2aa033bn
const K2 = 0x62992fc1n
const K3 = 0x30bc5b29n

const mul = (a: bigint, b: bigint): bigint => (a * b) & MASK
const add = (a: bigint, b: bigint): bigint => (a + b) & MASK
const rotateRight = (value: bigint, bits: bigint): bigint => ((value >> bits) | (value << (64n - bits))) & MASK

export function metroHash64(bytes: Buffer, seed: bigint): bigint {
  let hash = mul(add(seed, K2), K0)
  let at = 0
  if (bytes.length >= 32) {
    at = bytes.length - (bytes.length % 32)
    hash = add(hash, blocks(bytes, at, hash))
  }
  if (bytes.length - at >= 16) {
    let a = mul(rotateRight(add(hash, mul(bytes.readBigUInt64LE(at), K2)), 29n), K3)
    let b = mul(rotateRight(add(hash, mul(bytes.readBigUInt64LE(at + 8), K2)), 29n), K3)
    a ^= add(rotateRight(mul(a, K0), 21n), b)
    b ^= add(rotateRight(mul(b, K3), 21n), a)
    hash = add(hash, b)
    at += 16
  }
  if (bytes.length - at >= 8) {
    hash = mixed(hash, bytes.readBigUInt64LE(at), 55n)
    at += 8
  }
  if (bytes.length - at >= 4) {
    hash = mixed(hash, BigInt(bytes.readUInt32LE(at)), 26n)
    at += 4
  }
  if (bytes.length - at >= 2) {
    hash = mixed(hash, BigInt(bytes.readUInt16LE(at)), 48n)
    at += 2
  }
  if (bytes.length > at) hash = mixed(hash, BigInt(bytes[at]!), 37n)
  hash ^= rotateRight(hash, 28n)
  hash = mul(hash, K0)
  return hash ^ rotateRight(hash, 29n)
}

function mixed(hash: bigint, word: bigint, bits: bigint): bigint {
  const next = add(hash, mul(word, K3))
  return next ^ mul(rotateRight(next, bits), K1)
}

/** Whole blocks of 32 bytes, up to `end`. */
function blocks(bytes: Buffer, end: number, hash: bigint): bigint {
  let [a, b, c, d] = [hash, hash, hash, hash]
  for (let at = 0; at < end; at += 32) {
    a = add(rotateRight(add(a, mul(bytes.readBigUInt64LE(at), K0)), 29n), c)
    b = add(rotateRight(add(b, mul(bytes.readBigUInt64LE(at + 8), K1)), 29n), d)
    c = add(rotateRight(add(c, mul(bytes.readBigUInt64LE(at + 16), K2)), 29n), a)
    d = add(rotateRight(add(d, mul(bytes.readBigUInt64LE(at + 24), K3)), 29n), b)
  }
  c ^= mul(rotateRight(add(mul(add(a, d), K0), b), 37n), K1)
  d ^= mul(rotateRight(add(mul(add(b, c), K1), a), 37n), K0)
  a ^= mul(rotateRight(add(mul(add(a, c), K0), d), 37n), K1)
  b ^= mul(rotateRight(add(mul(add(b, d), K1), c), 37n), K0)
  return a ^ b
}
