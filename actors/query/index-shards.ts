/** Index statistics of streams, and their division into shards of about equal bytes: behind `index/stats` and `index/shards`. Pure. */
import { labelText } from '../../protocols/logql/label-set.ts'
import type { Labels } from '../../protocols/model.ts'
import { hashText } from '../../protocols/routing.ts'
import type { SeriesFacts } from '../../storage/segment-select.ts'

interface Fingerprinted {
  readonly fingerprint: bigint
  readonly facts: SeriesFacts
}

const FINGERPRINT_MAX = 2n ** 64n - 1n

export function statsOf(streams: ReadonlyArray<SeriesFacts>): object {
  const sum = (read: (s: SeriesFacts) => number): number => streams.reduce((total, s) => total + read(s), 0)
  return { streams: streams.length, chunks: sum((s) => s.chunkCount), bytes: sum((s) => s.lineBytes), entries: sum((s) => s.rowCount) }
}

/** Ranges of stream fingerprints that hold about `targetBytes` each. JSON by hand: fingerprints do not fit a JSON number of JavaScript's. */
export function indexShards(streams: ReadonlyArray<SeriesFacts>, targetBytes: number): string {
  const sorted = streams
    .map((facts): Fingerprinted => ({ facts, fingerprint: fingerprintOf(facts.labels) }))
    .sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1))
  const groups = grouped(sorted, targetBytes)
  const texts = groups.map((group, i) => {
    const min = i === 0 ? 0n : group[0]!.fingerprint
    const max = i === groups.length - 1 ? FINGERPRINT_MAX : groups[i + 1]![0]!.fingerprint - 1n
    return `{"bounds":{"min":${min},"max":${max}},"stats":${JSON.stringify(statsOf(group.map(({ facts }) => facts)))}}`
  })
  return `{"shards":[${texts.join(',')}],"statistics":{},"chunkGroups":null}\n`
}

function grouped(sorted: ReadonlyArray<Fingerprinted>, targetBytes: number): Fingerprinted[][] {
  const groups: Fingerprinted[][] = [[]]
  let bytes = 0
  for (const one of sorted) {
    if (bytes > 0 && bytes + one.facts.lineBytes > targetBytes) {
      groups.push([])
      bytes = 0
    }
    groups.at(-1)!.push(one)
    bytes += one.facts.lineBytes
  }
  return groups
}

function fingerprintOf(labels: Labels): bigint {
  const { high, low } = hashText(labelText(labels))
  return (BigInt(high) << 32n) | BigInt(low)
}
