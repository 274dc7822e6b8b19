/**
 * The recorded corpus of the conformance suite as blocks in memory, levels derived as at ingest. For tests that answer recorded queries in process; the
 * files are not part of the project, so callers skip when `CORPUS` is null.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { LIMIT_DEFAULTS } from '../../protocols/limits.ts'
import type { EntryBlock } from '../../protocols/model.ts'
import { makeLevelsOf } from '../../protocols/push/level.ts'
import { blockOf, labelsOf, type TestEntry, type TestStream } from './blocks.ts'
import { oneByOne } from './levels.ts'

const folder = path.resolve(import.meta.dirname, '../../../shared/conformance')
const corpusFile = path.join(folder, 'corpus.ndjson')
const casesFile = path.join(folder, 'cases.json.gz')

export const hasCorpus = existsSync(corpusFile) && existsSync(casesFile)

export interface RecordedCase {
  readonly id: string
  readonly group: string
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly expect: { readonly status: number; readonly body: unknown }
}

export const readCases = (): ReadonlyArray<RecordedCase> => JSON.parse(gunzipSync(readFileSync(casesFile)).toString()) as RecordedCase[]

type PushedValue = readonly [ns: string, line: string, metadata?: Readonly<Record<string, string>>]
interface Pushed {
  readonly streams: ReadonlyArray<{ readonly stream: Readonly<Record<string, string>>; readonly values: ReadonlyArray<PushedValue> }>
}

/** One block a `streamsPerBlock` streams; every stream is one run, exact duplicates dropped as at ingest. */
export function readCorpus(streamsPerBlock = 40): ReadonlyArray<EntryBlock> {
  const streams = new Map<string, { labels: Readonly<Record<string, string>>; entries: TestEntry[]; seen: Set<string> }>()
  const levelOf = oneByOne(makeLevelsOf({ fields: LIMIT_DEFAULTS.log_level_fields, jsonDepthMax: LIMIT_DEFAULTS.log_level_from_json_max_depth }))
  for (const text of readFileSync(corpusFile, 'utf8').split('\n').filter((line) => line !== '')) {
    for (const { stream, values } of (JSON.parse(text) as Pushed).streams) {
      const labels = labelsOf(stream)
      const key = JSON.stringify(labels)
      const found = streams.get(key) ?? { labels: stream, entries: [], seen: new Set<string>() }
      streams.set(key, found)
      for (const value of values) {
        if (found.seen.has(JSON.stringify(value))) continue
        found.seen.add(JSON.stringify(value))
        const [ns, line, metadata] = value
        const bytes = Buffer.from(line)
        const level = levelOf(labels, labelsOf(metadata ?? {}), bytes, 0, bytes.length)
        found.entries.push({ ns: BigInt(ns), line, level, ...(metadata === undefined ? {} : { metadata }) })
      }
    }
  }
  const all: TestStream[] = [...streams.values()]
  return Array.from({ length: Math.ceil(all.length / streamsPerBlock) }, (_, i) => blockOf(all.slice(i * streamsPerBlock, (i + 1) * streamsPerBlock)))
}
