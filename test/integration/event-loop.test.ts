/**
 * No query holds up the event loop of a real node for 50 ms, however large its answer and however hostile its text. Judged by CPU time of the main thread between two ticks
 * (`test/support/loop-watch.ts`), so that neighbours on a busy machine do not count. What V8 compiles or collects just then does, so a case may be tried three times.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { atNs, type PushedStream, WatchedNode } from '../support/watched-node.ts'
import { brokenText, hostileRun, hostileStreams, hostileText } from './hostile-main.ts'

const STALL_MS_MAX = 50
/** `npm run fuzz:node` runs all. */
const HOSTILE_TEXTS = 120
const BROKEN_QUERIES = 1_200

let node: WatchedNode

async function expectNoStall(run: () => Promise<unknown>): Promise<void> {
  const tries = await node.stallsOfTries(STALL_MS_MAX, run)
  expect(Math.min(...tries), `stalls of ${tries.join(', ')} ms of CPU`).toBeLessThan(STALL_MS_MAX)
}

const line = (fields: string): string => `level=info ${fields} ${Array.from({ length: 8 }, (_, i) => `f${i}=${'v'.repeat(8)}${i}`).join(' ')}`

beforeAll(async () => {
  node = await WatchedNode.start()
  for (let batch = 0; batch < 6; batch++) {
    const values = Array.from({ length: 1_000 }, (_, i): PushedStream['values'][number] => [atNs((batch * 1_000 + i) * 500), line(`seq=${batch * 1_000 + i}`), { trace: `t${i}` }])
    await node.push([{ stream: { app: 'long' }, values }])
  }
  for (let batch = 0; batch < 16; batch++) {
    await node.push(Array.from({ length: 125 }, (_, i) => ({
      stream: { app: 'many', id: String(batch * 125 + i), path: `/a/${batch}/${i}`, ...(batch < 4 ? { dense: String(batch * 125 + i) } : {}) },
      values: Array.from({ length: batch < 4 ? 60 : 3 }, (_, k) => [atNs(k * 60_000), line(`n=${k}`)] as const),
    })))
  }
  await node.push(hostileStreams())
}, 120_000)

afterAll(() => node.stop())

const DENSE = '{app="many",dense=~".+"}'

describe('the event loop of a node', () => {
  it.each([
    ['5,000 lines', 'query_range', { query: '{app="long"}' }],
    ['5,000 lines of different labels', 'query_range', { query: '{app="long"} | logfmt' }],
    ['lines of thousands of streams', 'query_range', { query: '{app="many"} | logfmt' }],
    ['500 series of 2,000 points', 'query_range', { query: `count_over_time(${DENSE}[5m])`, step: '1.8' }],
    ['one series of 11,000 points through 300 operators', 'query_range', { query: `${'vector(1)+'.repeat(300)}vector(1)`, step: '0.33' }],
    ['the largest of 2,000 series', 'query_range', { query: 'topk(20, count_over_time({app="many"}[10m]))', step: '10' }],
    ['quantiles', 'query_range', { query: `quantile_over_time(0.9, ${DENSE} | logfmt | unwrap n [5m])`, step: '3.6' }],
    ['pairs of series', 'query_range', { query: `count_over_time(${DENSE}[5m]) / on(id) count_over_time(${DENSE}[1m])`, step: '3.6' }],
    ['relabelled series', 'query_range', { query: `label_replace(count_over_time(${DENSE}[5m]), "x", "$1", "id", "((.*)(.*))+")`, step: '3.6' }],
    ['sorted series', 'query', { query: `sort(count_over_time(${DENSE}[1h]))`, time: atNs(3_600_000) }],
    ['more series than are shown', 'query_range', { query: 'count_over_time({app="long"} | logfmt [1h])', step: '10' }],
    ['dozens of scans', 'query_range', { query: Array.from({ length: 80 }, (_, i) => `count_over_time({app="long"}[${i + 1}s])`).join('+'), step: '60' }],
    ['matchers that take their time', 'query_range', { query: `{${Array.from({ length: 100 }, (_, i) => `path=~"(/+[a-z0-9/]+)+y${i}|/.*|((a{10}){10}){9}"`).join(',')}}` }],
    ['a large expression', 'query_range', { query: `{app="many",path!~"${'(x{2}){2}'.repeat(1500)}"}` }],
    ['fields', 'detected_fields', { query: '{app="long"}', line_limit: '5000' }],
    ['patterns', 'patterns', { query: '{app=~".+"}', step: '10s' }],
    ['series', 'series', { 'match[]': '{app=~".+"}', start: atNs(0), end: atNs(7_200_000) }],
    ['label values', 'label/path/values', {}],
    ['volume', 'index/volume', { query: '{app=~".+"}', targetLabels: 'id' }],
    ['volume of a range', 'index/volume_range', { query: '{app=~".+"}', targetLabels: 'id', start: atNs(0), end: atNs(7_200_000), step: '10' }],
    ['a format', 'format_query', { query: `{a="b"}${' |= "x"'.repeat(10_000)}` }],
    ['a format of megabytes', 'format_query', { query: `${'1+('.repeat(900)}rate({a="b"}[1m])${')'.repeat(900)}` }],
  ])('goes on during %s', async (_what, endpoint, parameters) => {
    await expectNoStall(async () => {
      const { status, text } = await node.ask(endpoint, parameters)
      expect([200, 400], text.slice(0, 300)).toContain(status)
    })
  })

  it('goes on during an export', async () => {
    const parameters = new URLSearchParams({ query: '{app=~".+"}', start: atNs(0), end: atNs(3_600_000) })
    await expectNoStall(async () => expect((await (await fetch(`${node.url}/skald/api/v1/export?${parameters}`)).text()).split('\n').length).toBeGreaterThan(10_000))
  })

  it('goes on during ten large answers at once', async () => {
    await expectNoStall(() => Promise.all(Array.from({ length: 10 }, (_, i) => node.ask('query_range', { query: `count_over_time(${DENSE}[${i + 2}m])`, step: '7' }))))
  })

  it.each([
    ['hostile expressions', HOSTILE_TEXTS, hostileText()],
    ['broken queries', BROKEN_QUERIES, brokenText()],
  ])('goes on during %s', async (_what, count, next) => {
    const { worst, wrong } = await hostileRun(node, count, next)
    expect(wrong).toEqual([])
    expect(worst.ms, worst.text).toBeLessThan(STALL_MS_MAX)
  }, 240_000)
})

describe('the event loop of a node that is pushed to', () => {
  const LINES = 20_000
  const values = Array.from({ length: LINES }, (_, i): PushedStream['values'][number] => [atNs(i), line(`n=${i}`)])
  const loki = JSON.stringify({ streams: [{ stream: { app: 'pushed' }, values }] })
  const otlp = JSON.stringify({ resourceLogs: [{ resource: {}, scopeLogs: [{ logRecords: values.map(([timeUnixNano, text]) => ({ timeUnixNano, body: { stringValue: text } })) }] }] })

  it.each([
    ['JSON', '/loki/api/v1/push', loki],
    ['OTLP', '/otlp/v1/logs', otlp],
  ])('goes on during 4 MB of %s', async (_what, endpoint, body) => {
    await expectNoStall(async () => {
      const answer = await fetch(`${node.url}${endpoint}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      expect(answer.status, await answer.text()).toBe(204)
    })
  })
})

describe('the event loop of a node with 50,000 streams in memory', () => {
  const TENANT = 'crowd'
  const STREAMS = 50_000
  const app = '{app="crowd"}'

  beforeAll(async () => {
    await node.push(Array.from({ length: STREAMS }, (_, i) => ({ stream: { app: 'crowd', id: String(i), pod: `pod-${i}` }, values: [[atNs(i), line(`n=${i}`)] as const] })), TENANT)
  }, 120_000)

  const received = { start: atNs(0), end: atNs(7_200_000) }
  it.each([
    ['labels', 'labels', received],
    ['label values', 'label/pod/values', received],
    ['series', 'series', { 'match[]': app, ...received }],
    ['index statistics', 'index/stats', { query: app, ...received }],
    ['volume', 'index/volume', { query: app, targetLabels: 'id', ...received }],
    ['a log query', 'query_range', { query: app, limit: '100' }],
    ['a count', 'query_range', { query: `sum(count_over_time(${app}[1h]))`, step: '60' }],
  ])('goes on during %s', async (_what, endpoint, parameters) => {
    await expectNoStall(async () => {
      const { status, text } = await node.ask(endpoint, parameters, TENANT)
      expect(status, text.slice(0, 300)).toBe(200)
    })
  })

  it('goes on during a flush', async () => {
    // There is one try, and a garbage collection may fall into it.
    expect(await node.longestStallMs(async () => expect((await fetch(`${node.url}/flush`, { method: 'POST' })).status).toBe(204))).toBeLessThan(2 * STALL_MS_MAX)
  })
})
