/**
 * Objects of every format version that ever was, kept as files: they must stay readable, row by row, for good. For a new version run this with
 * `SKALD_GOLDEN=write`; it never changes a file that is there.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { TenantId } from '../../protocols/model.ts'
import { CHUNK_ENCODINGS } from '../../storage/column-codec.ts'
import { encodeSegment } from '../../storage/segment-encode.ts'
import { SEGMENT_VERSION, segmentKey } from '../../storage/segment-format.ts'
import { TestPartition } from '../support/cuts.ts'
import { levelsByRow } from '../support/levels.ts'
import { ALL, readAll, readerOf, type StoredObject } from '../support/segments.ts'

const FOLDER = path.join(import.meta.dirname, 'golden')
const TENANTS = ['acme' as TenantId, 'globex' as TenantId]
const KEY = segmentKey(3, 41, 57)

function goldenObject(encoding: (typeof CHUNK_ENCODINGS)[number]): Buffer {
  const partition = new TestPartition()
  const second = 1_000_000_000n
  const t0 = 1_700_000_000n * second
  const entry = (ns: bigint, line: string, metadata: ReadonlyArray<readonly [string, string]> = []) => ({ ns, line: Buffer.from(line), metadata })
  for (let k = 0; k < 3; k++) {
    partition.push('acme', [
      { labels: '{app="shop", pod="p1"}', entries: Array.from({ length: 8 }, (_, i) => entry(t0 + BigInt(k * 8 + i) * second, `level=info order=${k * 8 + i} trace_id=9f86d081884c7d6${i}`)) },
      { labels: '{app="shop", pod="p2"}', entries: [entry(t0 + 7n, 'grüße, 世界'), entry(t0 + 5n, ''), entry(t0 - 40n * 86_400n * second, 'forty days before', [['user', 'ann'], ['trace', `t${k}`]])] },
    ])
  }
  partition.push('globex', [{ labels: '{app="mail"}', entries: [entry(t0, 'panic: out of memory at 10.251.43.21', [['user', 'bob']])] }])
  const cut = partition.cut({ encoding, blockTargetBytes: 500, first: 41, last: 57 })
  const ids = { pushIds: [{ tenant: 'acme' as TenantId, id: 'push-1', sequence: 42 }], recordIds: [{ tenant: '' as const, id: 'rec-9', sequence: 57 }] }
  return encodeSegment({ ...cut, ...ids }, () => levelsByRow((_labels, _metadata, bytes, from, to) => (bytes.toString('latin1', from, to).startsWith('panic') ? 'critical' : 'info'))).bytes
}

async function say(bytes: Buffer): Promise<unknown> {
  const object: StoredObject = { bytes, entry: { key: KEY, footerBytes: null } }
  const reader = await readerOf(object)
  const sections = await Promise.all(TENANTS.map(async (tenant) => ({ tenant, rows: [...(await readAll(object, tenant))], series: reader.series(tenant) })))
  const { pushIds, recordIds, first, last, partition } = reader.footer
  return JSON.parse(JSON.stringify({ sections, pushIds, recordIds, first, last, partition }, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))) as unknown
}

describe('golden segments', () => {
  if (process.env['SKALD_GOLDEN'] === 'write') {
    for (const encoding of CHUNK_ENCODINGS) {
      const file = path.join(FOLDER, `v${SEGMENT_VERSION}-${encoding}.seg`)
      if (!existsSync(file)) writeFileSync(file, goldenObject(encoding))
    }
  }

  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.seg'))

  it('are there for each encoding of this version', () => {
    expect(files).toEqual(expect.arrayContaining(CHUNK_ENCODINGS.map((encoding) => `v${SEGMENT_VERSION}-${encoding}.seg`)))
  })

  it.each(files)('%s reads as it was written', async (file) => {
    const expected = path.join(FOLDER, `${file.split('-')[0]}.json`)
    const said = await say(readFileSync(path.join(FOLDER, file)))
    if (process.env['SKALD_GOLDEN'] === 'write' && !existsSync(expected)) writeFileSync(expected, `${JSON.stringify(said, null, 1)}\n`)
    expect(said).toEqual(JSON.parse(readFileSync(expected, 'utf8')))
  })

  it.each(files)('%s still finds by its filters', async (file) => {
    const reader = await readerOf({ bytes: readFileSync(path.join(FOLDER, file)), entry: { key: KEY, footerBytes: null } })
    const found = async (literal: string, pairs: ReadonlyArray<readonly [string, string]> = []): Promise<number> => {
      const selections = await Promise.all(TENANTS.map((tenant) => reader.select(tenant, () => true, { ...ALL, literals: literal === '' ? [] : [[literal]], metadataEquals: pairs })))
      return selections.reduce((sum, selection) => sum + selection!.blocks.length, 0)
    }
    expect(await found('9f86d081884c7d63')).toBeGreaterThan(0)
    expect(await found('10.251.43.21')).toBeGreaterThan(0)
    expect(await found('', [['user', 'bob']])).toBeGreaterThan(0)
    expect(await found('', [['detected_level', 'critical']])).toBeGreaterThan(0)
    expect(await found('00deadbeef00cafe')).toBe(0)
  })
})
