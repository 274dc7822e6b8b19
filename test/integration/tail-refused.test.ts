/** `skald tail` on a node that is too busy for one more question (429): it waits, says so once, and shows what came meanwhile. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCommand } from '../support/command.ts'
import { push, startTestNode, until, type TestNode } from '../support/node.ts'

let node: TestNode
beforeAll(async () => {
  node = await startTestNode({ environment: { SKALD_QUERIER_MAX_CONCURRENT: '1', SKALD_QUERIER_MAX_OUTSTANDING_PER_TENANT: '1' } })
})
afterAll(() => node.remove())

const line = (text: string): Promise<Response> => push(node.url, { app: 'tailed' }, [[BigInt(Date.now()) * 1_000_000n, text]])

/** Queries wait for the log's answer: as many as the node takes, until it refuses one. */
async function askUntilRefused(signal: AbortSignal): Promise<void> {
  let isRefused = false
  for (let i = 0; i < 5; i++) {
    const search = new URLSearchParams({ query: `{app="tailed"} |= "${i}"` })
    void fetch(`${node.url}/loki/api/v1/query_range?${search}`, { signal }).then(({ status }) => (isRefused ||= status === 429), () => {})
  }
  await until('a query is refused', async () => isRefused)
}

it('goes on when the node answers again', async () => {
  const { nats } = (await (await fetch(`${node.url}/status`)).json()) as { nats: { pid: number } }
  const stop = new AbortController()
  let [shown, said] = ['', '']
  await line('before')
  process.kill(nats.pid, 'SIGSTOP')
  try {
    await askUntilRefused(stop.signal)
    const args = ['tail', '{app="tailed"}', '--since', '1h', '--output', 'raw', '--url', node.url]
    const tailing = runCommand(args, { signal: stop.signal, onStdout: (text) => (shown += text), onStderr: (text) => (said += text) })
    await until('the tail is refused', async () => said !== '')
    process.kill(nats.pid, 'SIGCONT')
    await until('the tail shows what is there', async () => shown.includes('before'))
    await line('after')
    await until('the tail follows', async () => shown.includes('after'))
    stop.abort()
    expect((await tailing).code).toBe(0)
    expect(shown).toBe('before\nafter\n')
    expect(said).toMatch(/^skald: too many outstanding requests of tenant fake .*; trying again\n$/)
  } finally {
    process.kill(nats.pid, 'SIGCONT')
    stop.abort()
  }
})
