/** Reads every line back and compares it with what was acknowledged: exactly once, and nothing twice (W1). */
import type { Tally } from './loader.ts'

export interface Verdict {
  readonly acknowledged: number
  readonly found: number
  /** Acknowledged and not there. */
  readonly lost: ReadonlyArray<string>
  /** There more than once, acknowledged or not. */
  readonly doubled: ReadonlyArray<string>
  /** There without having been pushed. */
  readonly foreign: ReadonlyArray<string>
}

const PAGE = 5_000

export async function verify(url: string, tenant: string, tally: Tally, startNs: bigint): Promise<Verdict> {
  const lost: string[] = []
  const doubled: string[] = []
  const foreign: string[] = []
  let found = 0
  for (const [writer, acknowledged] of tally.acknowledged.entries()) {
    const seen = new Map<number, number>()
    for await (const line of linesOf(url, tenant, writer, startNs, startNs + BigInt(tally.tried[writer]!))) {
      const number = Number(/^line (\d+) of writer (\d+)$/.exec(line)?.[1] ?? -1)
      if (number < 0 || number >= tally.tried[writer]!) foreign.push(line)
      seen.set(number, (seen.get(number) ?? 0) + 1)
      found++
    }
    for (const number of acknowledged) if (!seen.has(number)) lost.push(`writer ${writer} line ${number}`)
    for (const [number, count] of seen) if (count > 1) doubled.push(`writer ${writer} line ${number} x${count}`)
  }
  const acknowledged = tally.acknowledged.reduce((sum, set) => sum + set.size, 0)
  return { acknowledged, found, lost, doubled, foreign }
}

/** Pages forward by time; line n has time start + n, so a page never ends among entries of one time unless a line is doubled. */
async function* linesOf(url: string, tenant: string, writer: number, startNs: bigint, endNs: bigint): AsyncGenerator<string> {
  for (let from = startNs; from < endNs; from += BigInt(PAGE / 2)) {
    const to = from + BigInt(PAGE / 2) < endNs ? from + BigInt(PAGE / 2) : endNs
    const query = new URLSearchParams({ query: `{job="crash", writer="${writer}"}`, start: String(from), end: String(to), limit: String(PAGE), direction: 'forward' })
    const answer = await fetch(`${url}/loki/api/v1/query_range?${query}`, { headers: { 'X-Scope-OrgID': tenant }, signal: AbortSignal.timeout(60_000) })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`query answered ${answer.status}: ${text.slice(0, 300)}`)
    const body = JSON.parse(text) as { warnings?: string[]; data: { result: Array<{ values: Array<[string, string]> }> } }
    if (body.warnings !== undefined && body.warnings.length > 0) throw new Error(`query warned: ${body.warnings.join('; ')}`)
    for (const stream of body.data.result) for (const [, line] of stream.values) yield line
  }
}
