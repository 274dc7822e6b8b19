import { getPriority, platform } from 'node:os'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'

it.skipIf(platform() !== 'linux')('lets the other threads of the process go first', async () => {
  const module = new URL('../../runtime/thread-priority.ts', import.meta.url).href
  const own = getPriority()
  const worker = new Worker(`import(${JSON.stringify(module)}).then(({ standBack }) => { standBack(); require('node:worker_threads').parentPort.postMessage(require('node:os').getPriority()) })`, { eval: true })
  const [priority] = (await once(worker, 'message')) as [number]
  expect(priority).toBeGreaterThan(own)
  expect(getPriority()).toBe(own)
  await worker.terminate()
})
