/** Large pushes in JSON and OTLP go to the thread, and come out of it as they come out without it, errors included. */
import { gzipSync } from 'node:zlib'
import { afterAll, expect, it } from 'vitest'
import { inlineTranscoder, makeThreadedTranscoder } from '../../../actors/write/transcoder.ts'
import { LIMIT_DEFAULTS } from '../../../protocols/limits.ts'
import { type PushContent, PUSH_SIZES_DEFAULT } from '../../../protocols/push/content.ts'
import type { Transcoding } from '../../../protocols/push/transcode.ts'

const threaded = makeThreadedTranscoder({ heapMbMax: 256, onCrash: () => undefined })
afterAll(() => threaded.close())

const LINES = 20_000
const NOW_MS = 1_793_491_200_000
const line = (i: number): string => `line ${i} of "many" with ünïcode`
const loki = Buffer.from(JSON.stringify({ streams: [{ stream: { app: 'a' }, values: Array.from({ length: LINES }, (_, i) => [`${NOW_MS}000000`, line(i), { k: String(i) }]) }] }))
const otlp = Buffer.from(JSON.stringify({ resourceLogs: [{ resource: {}, scopeLogs: [{ logRecords: Array.from({ length: LINES }, (_, i) => ({ body: { stringValue: line(i) } })) }] }] }))

const content = (body: Buffer, contentEncoding = ''): PushContent => ({ body: Buffer.from(body), contentType: 'application/json', contentEncoding })
const taskOf: Readonly<Record<string, () => Transcoding>> = {
  json: () => ({ kind: 'loki', content: content(loki), sizes: PUSH_SIZES_DEFAULT }),
  gzip: () => ({ kind: 'loki', content: content(gzipSync(loki), 'gzip'), sizes: PUSH_SIZES_DEFAULT }),
  otlp: () => ({ kind: 'otlp', content: content(otlp), settings: { limits: LIMIT_DEFAULTS, nowMs: NOW_MS } }),
  small: () => ({ kind: 'loki', content: content(Buffer.from('{"streams":[]}')), sizes: PUSH_SIZES_DEFAULT }),
  broken: () => ({ kind: 'loki', content: content(loki.subarray(0, -1)), sizes: PUSH_SIZES_DEFAULT }),
  large: () => ({ kind: 'loki', content: content(loki), sizes: { ...PUSH_SIZES_DEFAULT, bodyBytesMax: 1_000 } }),
}

it.each(Object.keys(taskOf))('%s', async (name) => {
  const task = taskOf[name]!()
  const [here, there] = await Promise.allSettled([inlineTranscoder.run(taskOf[name]!()), threaded.run(task)])
  // A thread takes the body with it.
  expect(task.content.body.length === 0).toBe(name !== 'small')
  expect(there.status).toBe(here.status)
  if (here.status === 'fulfilled' && there.status === 'fulfilled') expect(there.value.equals(here.value)).toBe(true)
  if (here.status === 'rejected' && there.status === 'rejected') expect(there.reason).toEqual(here.reason)
})
