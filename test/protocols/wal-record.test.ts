/** WAL records come back as they were written, or are refused with a reason (rules W1, F3). */
import { crc32 } from 'node:zlib'
import { compressSync } from 'snappy'
import { describe, expect, it } from 'vitest'
import type { TenantId } from '../../protocols/model.ts'
import type { WalItem } from '../../protocols/push/batch.ts'
import { decodeWalRecord, encodeWalRecord } from '../../protocols/wal-record.ts'
import { SkaldError } from '../../runtime/errors.ts'
import { busyAgentPush, pushBody, seeded } from '../support/push-bodies.ts'

const body = pushBody(busyAgentPush(seeded(1), 2_000))
const item = (over: Partial<WalItem> = {}): WalItem => ({
  tenant: 'acme' as TenantId,
  pushId: 'push-1',
  receivedMs: 1_793_491_200_123,
  labels: ['{a="b"}', '{level="Ошибка \\"x\\""}'],
  compressedBody: compressSync(body),
  bodyBytes: body.length,
  ...over,
})
const crcOf = (record: Buffer): number => crc32(record.subarray(12), crc32(record.subarray(0, 8)))
const messageOf = (record: Buffer): string => {
  try {
    decodeWalRecord(record)
    return 'decoded'
  } catch (error) {
    if (!(error instanceof SkaldError) || error.code !== 'storage_corrupt') throw error
    return error.message
  }
}

describe('WAL records', () => {
  it('come back as they were written, several tenants together', () => {
    const items = [item(), item({ tenant: 'other' as TenantId, pushId: '', labels: [], compressedBody: Buffer.alloc(0), bodyBytes: 0 }), item({ labels: ['{x="ä😀"}'] })]
    const decoded = decodeWalRecord(encodeWalRecord(items, 'node-1/42'))
    expect(decoded).toEqual({ recordId: 'node-1/42', items })
    expect(decodeWalRecord(encodeWalRecord([], ''))).toEqual({ recordId: '', items: [] })
  })

  it('give bodies as slices of the record', () => {
    const record = encodeWalRecord([item()], 'r')
    expect(decodeWalRecord(record).items[0]!.compressedBody.buffer).toBe(record.buffer)
  })

  it('have a form that later versions can still read', () => {
    const record = encodeWalRecord([item({ compressedBody: Buffer.from('xyz'), bodyBytes: 3, labels: ['{a="b"}'], receivedMs: 300, pushId: 'p' })], 'id')
    expect(record.toString('hex')).toBe('534b5752010000003e7c5ae3026964010461636d650170ac020301077b613d2262227d0378797a')
  })

  it('say what is wrong', () => {
    const record = encodeWalRecord([item()], 'r')
    const changed = (at: number, value: number): Buffer => {
      const copy = Buffer.from(record)
      copy[at] = value
      return copy
    }
    expect(messageOf(Buffer.alloc(3))).toBe('corrupt WAL record: 3 bytes are less than a header')
    expect(messageOf(changed(0, 0))).toBe('corrupt WAL record: no magic number')
    expect(messageOf(changed(40, record[40]! ^ 1))).toMatch(/^corrupt WAL record: checksum [0-9a-f]+ is not [0-9a-f]+$/)
    expect(messageOf(record.subarray(0, -1))).toMatch(/checksum/)
    expect(messageOf(Buffer.concat([record, Buffer.from([0])]))).toMatch(/checksum/)
  })

  it('never come back changed: 100,000 mutations', () => {
    const next = seeded(5)
    const small = item({ compressedBody: compressSync('a small body'), bodyBytes: 12 })
    const records = [encodeWalRecord([small], 'r1'), encodeWalRecord([small, small], 'r2'), encodeWalRecord([item()], 'r3')]
    for (let round = 0; round < 100_000; round++) {
      const original = records[round % 16 === 0 ? 2 : round % 2]!
      const record = Buffer.from(original)
      for (let k = 0; k <= round % 4; k++) record[Math.floor(next() * record.length)] = Math.floor(next() * 256)
      const mutated = next() < 0.2 ? record.subarray(0, Math.floor(next() * record.length)) : record
      if (!mutated.equals(original) && messageOf(mutated) === 'decoded') throw new Error(`round ${round} was accepted`)
    }
  })

  it('are refused even when the checksum fits the damage', () => {
    const next = seeded(6)
    const original = encodeWalRecord([item({ compressedBody: Buffer.from('xyz') })], 'r')
    for (let round = 0; round < 20_000; round++) {
      const record = Buffer.from(original)
      record[12 + Math.floor(next() * (record.length - 12))] = Math.floor(next() * 256)
      record.writeUInt32LE(crcOf(record), 8)
      messageOf(record)
    }
  })
})
