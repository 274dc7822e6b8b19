/**
 * Mutated segments: whatever is done to an object's bytes, reading it gives the rows that were stored or `storage_corrupt`, never anything else.
 * A few thousand run with the tests; `node test/storage/segment-fuzz-main.ts 100000` runs as many as are asked for.
 */
import zlib from 'node:zlib'
import type { TenantId } from '../../protocols/model.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { CHUNK_ENCODINGS } from '../../storage/column-codec.ts'
import { encodeSegment } from '../../storage/segment-encode.ts'
import { TAIL_BYTES } from '../../storage/segment-format.ts'
import { logLine } from '../bench/data.ts'
import { TestPartition } from '../support/cuts.ts'
import { levelsByRow } from '../support/levels.ts'
import { seeded } from '../support/push-bodies.ts'
import { ALL, readAll, type StoredObject } from '../support/segments.ts'

const TENANT = 'acme' as TenantId
type Random = () => number

function sample(random: Random, encoding: (typeof CHUNK_ENCODINGS)[number]): StoredObject {
  const partition = new TestPartition()
  for (let k = 0; k < 6; k++) {
    const entries = Array.from({ length: 12 }, (_, i) => ({ ns: 1_700_000_000_000_000_000n + BigInt(Math.floor(random() * 1e12)), line: Buffer.from(logLine(random, k + i)), metadata: i % 3 === 0 ? ([['trace', String(i)]] as const) : [] }))
    partition.push(k === 5 ? 'other' : TENANT, [{ labels: `{app="a${k % 3}"}`, entries }])
  }
  return encodeSegment(partition.cut({ encoding, blockTargetBytes: 2000 }), () => levelsByRow(() => 'info'))
}

type Mutation = (bytes: Buffer, random: Random) => Buffer
const at = (bytes: Buffer, random: Random): number => Math.floor(random() * bytes.length)

const MUTATIONS: ReadonlyArray<Mutation> = [
  (bytes, random) => {
    bytes[at(bytes, random)]! ^= 1 << Math.floor(random() * 8)
    return bytes
  },
  (bytes, random) => {
    for (let n = 1 + Math.floor(random() * 8); n > 0; n--) bytes[at(bytes, random)] = Math.floor(random() * 256)
    return bytes
  },
  (bytes, random) => bytes.subarray(0, at(bytes, random)),
  (bytes, random) => bytes.subarray(at(bytes, random)),
  (bytes, random) => {
    const [a, b] = [at(bytes, random), at(bytes, random)]
    bytes.fill(0, Math.min(a, b), Math.min(Math.max(a, b), Math.min(a, b) + 64))
    return bytes
  },
  (bytes, random) => {
    const from = at(bytes, random)
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + Math.floor(random() * 16))])
  },
  (bytes, random) => {
    const from = at(bytes, random)
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(Math.floor(from / 2), from), bytes.subarray(from)])
  },
  // The tail is where lengths are.
  (bytes, random) => {
    bytes[bytes.length - 1 - Math.floor(random() * TAIL_BYTES)] = Math.floor(random() * 256)
    return bytes
  },
]

export const mutated: Mutation = (bytes, random) => MUTATIONS[Math.floor(random() * MUTATIONS.length)]!(bytes, random)

/** A footer that was changed and then sealed again: checksums hold, so every bound in the parser is on its own. */
function resealed(bytes: Buffer, random: Random): Buffer {
  const tailFrom = bytes.length - TAIL_BYTES
  const storedBytes = bytes.readUInt32LE(tailFrom)
  const stored = bytes.subarray(tailFrom - storedBytes, tailFrom)
  const raw = storedBytes === bytes.readUInt32LE(tailFrom + 4) ? Buffer.from(stored) : zlib.zstdDecompressSync(stored)
  const changed = MUTATIONS[Math.floor(random() * (MUTATIONS.length - 1))]!(raw, random)
  const again = zlib.zstdCompressSync(changed)
  const tail = Buffer.from(bytes.subarray(tailFrom))
  tail.writeUInt32LE(again.length, 0)
  tail.writeUInt32LE(changed.length, 4)
  tail.writeUInt32LE(zlib.crc32(again), 8)
  return Buffer.concat([bytes.subarray(0, tailFrom - storedBytes), again, tail])
}

export interface FuzzResult {
  readonly corrupt: number
  readonly unharmed: number
}

/** Throws with the seed and number of the first mutation that gave anything but the stored rows or `storage_corrupt`. */
export async function fuzzSegments(count: number, seed: number): Promise<FuzzResult> {
  const random = seeded(seed)
  const originals = CHUNK_ENCODINGS.map((encoding) => sample(random, encoding))
  const rows = await Promise.all(originals.map(read))
  let corrupt = 0
  for (let i = 0; i < count; i++) {
    const k = i % originals.length
    const original = originals[k]!
    const reseal = i % 3 === 0
    const copy = Buffer.from(original.bytes)
    const bytes = reseal ? resealed(copy, random) : mutated(copy, random)
    try {
      const found = await read({ bytes, entry: { key: original.entry.key, footerBytes: null } })
      if (!reseal && found !== rows[k]) throw new Error('other rows were read')
    } catch (error) {
      if (!(error instanceof SkaldError) || error.code !== 'storage_corrupt' || !error.message.includes(original.entry.key)) throw new Error(`seed ${seed}, mutation ${i}`, { cause: error })
      corrupt++
    }
  }
  return { corrupt, unharmed: count - corrupt }
}

/** Everything that there is to read, with a filter question on the way. */
async function read(object: StoredObject): Promise<string> {
  const asked = { ...ALL, literals: [['duration', 'received', 'invoice', 'level', 'Failed']] }
  const said = [await readAll(object, TENANT), await readAll(object, 'other' as TenantId), await readAll(object, TENANT, asked)]
  return JSON.stringify(said.map((rows) => [...rows]), (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
}
