/**
 * Mutated WAL records, on the way that a partition's owner reads them: they give the entries that were logged, or an operating error that says what is
 * wrong. `npm run fuzz:storage` runs as many as are asked for.
 */
import { crc32 } from 'node:zlib'
import { compressSync } from 'snappy'
import { readRecords } from '../../actors/partition/partition-recovery.ts'
import type { TenantId } from '../../protocols/model.ts'
import { encodeWalRecord } from '../../protocols/wal-record.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { MemoryWal } from '../../storage/wal-memory.ts'
import { busyAgentPush, plainOf, pushBody, seeded } from '../support/push-bodies.ts'
import { mutated, type FuzzResult } from './segment-fuzz.ts'

const CRC_AT = 8
const HEADER_BYTES = 12

class OneRecordWal extends MemoryWal {
  record: Buffer = Buffer.alloc(0)

  override async read(): ReturnType<MemoryWal['read']> {
    return [{ sequence: 1, bytes: this.record }]
  }
}

/** Throws with the seed and number of the first mutation that gave anything but the logged entries or an operating error. */
export async function fuzzRecords(count: number, seed: number): Promise<FuzzResult> {
  const random = seeded(seed)
  const original = sample(random)
  const wal = new OneRecordWal()
  const expected = await read(wal, original)
  let corrupt = 0
  for (let i = 0; i < count; i++) {
    // A third are sealed again: the checksum holds, so every bound of the decoders is on its own.
    const isSealed = i % 3 === 0
    const changed = mutated(Buffer.from(original), random)
    try {
      const found = await read(wal, isSealed && changed.length > HEADER_BYTES ? sealed(changed) : changed)
      if (!isSealed && found !== expected) throw new Error('other entries were read')
    } catch (error) {
      if (!(error instanceof SkaldError)) throw new Error(`seed ${seed}, mutation ${i}`, { cause: error })
      corrupt++
    }
  }
  return { corrupt, unharmed: count - corrupt }
}

function sample(random: () => number): Buffer {
  const items = [30, 5].map((lines, k) => {
    const body = pushBody(busyAgentPush(random, lines * 100))
    return { tenant: `tenant-${k}` as TenantId, pushId: k === 0 ? 'push-1' : '', receivedMs: 1_793_491_200_123, labels: ['{a="b"}', '{c="d"}'], compressedBody: compressSync(body), bodyBytes: body.length }
  })
  return encodeWalRecord(items, 'writer-1')
}

async function read(wal: OneRecordWal, record: Buffer): Promise<string> {
  wal.record = record
  const records = await readRecords(wal, 0, 1, 1 << 20)
  const damage = records.find((found) => found.damage !== undefined)?.damage
  if (damage !== undefined) throw new SkaldError('storage_corrupt', damage)
  const said = records.map(({ recordId, items }) => [recordId, items.map(({ tenant, pushId, receivedMs, labels, batch }) => [tenant, pushId, receivedMs, labels, plainOf(batch)])])
  return JSON.stringify(said, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
}

function sealed(record: Buffer): Buffer {
  record.writeUInt32LE(crc32(record.subarray(HEADER_BYTES), crc32(record.subarray(0, CRC_AT))), CRC_AT)
  return record
}
