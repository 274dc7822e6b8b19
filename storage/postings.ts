/**
 * Label postings of a tenant's section: for each label name and value, which of the section's streams have it. They are the only place where a
 * segment keeps labels; a stream's labels are put together from them.
 *
 * The footer writes and reads it. Streams are sorted by labels, so most lists are a few runs.
 */
import type { Labels } from '../protocols/model.ts'
import type { ByteReader, ByteWriter } from './column-bytes.ts'

const ABSENT = 0xffff_ffff

/** Names sorted; of each its values sorted, each with a run-length coded list of stream positions. `idOf` numbers texts in their order. */
export function writePostings(out: ByteWriter, streams: ReadonlyArray<Labels>, idOf: (text: string) => number): void {
  const names = new Map<string, Map<string, number[]>>()
  for (const [position, labels] of streams.entries()) {
    for (const [name, value] of labels) {
      let values = names.get(name)
      if (values === undefined) names.set(name, (values = new Map()))
      const list = values.get(value)
      if (list === undefined) values.set(value, [position])
      else list.push(position)
    }
  }
  out.varint(names.size)
  for (const [name, values] of sorted(names)) {
    out.varint(idOf(name))
    out.varint(values.size)
    let last = -1
    for (const [value, list] of sorted(values)) {
      const id = idOf(value)
      out.varint(id - last - 1)
      last = id
      writeRuns(out, list)
    }
  }
}

const sorted = <T>(map: ReadonlyMap<string, T>): Array<[string, T]> => [...map].sort(([a], [b]) => (a < b ? -1 : 1))

/** Number of runs, then of each the gap before it and its length less one. */
function writeRuns(out: ByteWriter, ascending: ReadonlyArray<number>): void {
  const runs: Array<{ from: number; to: number }> = []
  for (const position of ascending) {
    const last = runs.at(-1)
    if (last?.to === position) last.to++
    else runs.push({ from: position, to: position + 1 })
  }
  out.varint(runs.length)
  let end = 0
  for (const run of runs) {
    out.varint(run.from - end)
    out.varint(run.to - run.from - 1)
    end = run.to
  }
}

interface NamePostings {
  readonly name: string
  readonly values: ReadonlyArray<string>
  /** Per stream the position of its value, or ABSENT. */
  readonly valueOf: Uint32Array
}

export class LabelPostings {
  readonly streamCount: number
  readonly #names: ReadonlyArray<NamePostings>
  readonly #labels: Array<Labels | undefined> = []

  private constructor(streamCount: number, names: ReadonlyArray<NamePostings>) {
    this.streamCount = streamCount
    this.#names = names
  }

  static read(input: ByteReader, streamCount: number, texts: ReadonlyArray<string>): LabelPostings {
    const names: NamePostings[] = []
    for (let left = input.count(3); left > 0; left--) names.push(readName(input, streamCount, texts))
    return new LabelPostings(streamCount, names)
  }

  labelsOf(stream: number): Labels {
    return (this.#labels[stream] ??= this.#names.flatMap(({ name, values, valueOf }) => (valueOf[stream] === ABSENT ? [] : [[name, values[valueOf[stream]!]!] as const])))
  }

  names(): string[] {
    return this.#names.map((n) => n.name)
  }

  /** Sorted; [] for a name that no stream has. */
  values(name: string): ReadonlyArray<string> {
    return this.#names.find((n) => n.name === name)?.values ?? []
  }
}

function readName(input: ByteReader, streamCount: number, texts: ReadonlyArray<string>): NamePostings {
  const name = texts[input.below(texts.length)]!
  const values: string[] = []
  const valueOf = new Uint32Array(streamCount).fill(ABSENT)
  let id = -1
  for (let left = input.count(2); left > 0; left--) {
    id += input.below(texts.length - id - 1) + 1
    const value = values.push(texts[id]!) - 1
    let end = 0
    for (let runs = input.count(2); runs > 0; runs--) {
      const from = end + input.varint()
      end = from + input.varint() + 1
      if (end > streamCount) input.fail(`a posting of ${name} is beyond the ${streamCount} streams`)
      valueOf.fill(value, from, end)
    }
  }
  return { name, values, valueOf }
}
