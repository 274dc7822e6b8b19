/**
 * Hostile and broken texts, one after another, to a real node that holds lines for them: each is answered with 200 or 400, and how long the worst of them held up the event
 * loop. `npm run fuzz:node`: 10,000 hostile texts and 100,000 broken queries, `-- --hostile N --broken N --seed N` others. `event-loop.test.ts` runs some of both.
 */
import { parseArgs } from 'node:util'
import { ODD_WORDS, randomOf, RandomQueries } from '../support/random-query.ts'
import { SHOWN_MS } from '../support/loop-watch.ts'
import { atNs, type PushedStream, WatchedNode } from '../support/watched-node.ts'
import { brokenQuery, hostileQuery } from '../protocols/logql/fuzz.ts'

/** Asked one after another, then looked whether any of them held up the event loop. */
const TEXTS_AT_ONCE = 20
/** A query is over by then: Loki's default for one. */
const ANSWER_MS_MAX = 60_000

/** Lines that the texts' selectors and labels find something in. */
export function hostileStreams(lines = 200): ReadonlyArray<PushedStream> {
  const line = (i: number): string => `x=${'a'.repeat(i % 40)} status=${i % 7} bytes=${i}KB rate=${i / 3} ip=10.0.0.${i % 250} app=api sum=1e${i} "GET /${i}" error |b`
  const values = Array.from({ length: lines }, (_, i): PushedStream['values'][number] => [atNs(i * 1_000), line(i), { _x1: String(i) }])
  return [{ a: 'b' }, { app: 'api', env: 'a"b' }, { app: 'api', rate: '5', sum: 'ü' }].map((stream) => ({ stream, values }))
}

export function hostileText(seed = 21): () => string {
  const random = randomOf(seed)
  return () => hostileQuery(random)
}

export function brokenText(seed = 21): () => string {
  const [queries, random] = [new RandomQueries(seed, ODD_WORDS), randomOf(seed + 1)]
  return () => brokenQuery(queries, random)
}

export interface HostileRun {
  readonly texts: number
  readonly statuses: Readonly<Record<string, number>>
  /** Any hold at all: V8's compiling and collecting, too. */
  readonly longestMs: number
  /** Of texts that hold the event loop up for 15 ms whenever they are asked. */
  readonly over15Ms: number
  readonly worst: { readonly ms: number; readonly text: string }
  /** Neither 200 nor 400, or not in time. */
  readonly wrong: ReadonlyArray<string>
}

export async function hostileRun(node: WatchedNode, count: number, next: () => string): Promise<HostileRun> {
  const statuses: Record<string, number> = {}
  const wrong: string[] = []
  const ask = async (query: string): Promise<void> => {
    const begunMs = performance.now()
    const { status, text } = await node.ask('query_range', { query })
    statuses[status] = (statuses[status] ?? 0) + 1
    if (![200, 400].includes(status) || performance.now() - begunMs > ANSWER_MS_MAX) wrong.push(`${status} ${text.slice(0, 200)}: ${query.slice(0, 200)}`)
  }
  let [longestMs, over15Ms, worst] = [0, 0, { ms: 0, text: '' }]
  for (let asked = 0; asked < count; ) {
    const texts = Array.from({ length: Math.min(TEXTS_AT_ONCE, count - asked) }, next)
    asked += texts.length
    const longest = await node.longestStallMs(async () => {
      for (const text of texts) await ask(text)
    })
    longestMs = Math.max(longestMs, longest)
    if (longest === 0) continue
    for (const text of texts) {
      const ms = Math.min(...(await node.stallsOfTries(SHOWN_MS, () => ask(text))))
      if (ms > 0) over15Ms++
      if (ms > worst.ms) worst = { ms, text: `${text.slice(0, 100)}… (${text.length} characters)` }
    }
  }
  return { texts: count, statuses, longestMs, over15Ms, worst, wrong }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { seed: { type: 'string', default: '21' }, hostile: { type: 'string', default: '10000' }, broken: { type: 'string', default: '100000' } } })
  const seed = Number(values.seed)
  const node = await WatchedNode.start()
  try {
    await node.push(hostileStreams())
    // What is compiled at first is no text's fault.
    await hostileRun(node, 100, hostileText(seed + 1))
    console.log('hostile', await hostileRun(node, Number(values.hostile), hostileText(seed)))
    console.log('broken', await hostileRun(node, Number(values.broken), brokenText(seed)))
  } finally {
    await node.stop()
  }
}
