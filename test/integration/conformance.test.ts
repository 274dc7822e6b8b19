/** Loki's recorded answers, replayed against a whole node, fresh and flushed. Needs ../shared/conformance beside the project and is skipped without it. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { NodeProcess } from '../support/node-process.ts'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { UNRECORDED_PUSHES } from '../support/unrecorded-pushes.ts'

const root = path.resolve(import.meta.dirname, '../..')
const shared = path.resolve(root, '../shared/conformance')

interface Replayed {
  readonly fails: ReadonlyArray<{ readonly id: string; readonly why: string }>
  readonly total: number
}

describe.skipIf(!existsSync(shared))('recorded answers of Loki (skipped without ../shared/conformance)', () => {
  let folder: string
  let node: NodeProcess
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'skald-conformance-'))
    node = new NodeProcess({ tree: root, dataDir: path.join(folder, 'data'), httpPort: await freePort(), natsPort: await freePort(), arguments: ['--config', path.join(shared, 'skald.yaml')] })
    node.start()
    if (!(await node.ready(30_000))) throw new Error(`not ready:\n${node.log}`)
  })
  afterAll(async () => {
    await node.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function replay(load: boolean): Promise<Replayed> {
    const out = path.join(folder, 'replayed.json')
    const loading = load ? ['--load', path.join(shared, 'corpus.ndjson')] : []
    const script = [path.join(shared, 'replay.mjs'), '--url', node.url, '--cases', path.join(shared, 'cases.json.gz'), '--json', out, ...loading]
    // Exit status 1 means that some case failed: the file tells which.
    await new Promise((resolve) => execFile(process.execPath, script, resolve))
    return JSON.parse(await readFile(out, 'utf8')) as Replayed
  }

  const failed = ({ fails }: Replayed): string[] => fails.map(({ id, why }) => `${id}: ${why}`)

  it('are given fresh', async () => {
    for (const { readBy, tenant, path: to, headers, body } of UNRECORDED_PUSHES) {
      const answer = await fetch(node.url + to, { method: 'POST', headers: { ...headers, 'X-Scope-OrgID': tenant }, body })
      expect([readBy, answer.status]).toEqual([readBy, expect.toBeOneOf([200, 204])])
    }
    const replayed = await replay(true)
    expect(replayed.total).toBe(487)
    expect(failed(replayed)).toEqual([])
  }, 120_000)

  it('are given flushed', async () => {
    expect((await fetch(`${node.url}/flush`, { method: 'POST' })).status).toBe(204)
    expect(failed(await replay(false))).toEqual([])
  }, 120_000)
})
