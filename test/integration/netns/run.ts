/** Makes the namespaces, runs `driver.ts` in the hub, and takes the namespaces away again however it ended. */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { NATS, NODES, STORE } from './cluster.ts'
import { HUB, Namespaces } from './namespaces.ts'
import type { Cut, RoundsResult } from './rounds.ts'

export const spacesFor = (tag: string): Namespaces => new Namespaces(tag, [NATS, STORE, ...NODES])

export async function runInNamespaces(cuts: ReadonlyArray<Cut>, report: (line: string) => void): Promise<RoundsResult> {
  const tag = String(process.pid)
  const spaces = spacesFor(tag)
  try {
    spaces.create()
    const [file, ...rest] = [...spaces.commandIn(HUB), process.execPath, path.join(import.meta.dirname, 'driver.ts'), tag, cuts.join(',')]
    const driver = spawn(file!, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
    const end = (): void => void driver.kill('SIGTERM')
    process.once('exit', end)
    let result: RoundsResult | undefined
    let errors = ''
    driver.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-10_000)))
    const ended = new Promise<number | null>((resolve) => driver.once('exit', resolve))
    for await (const line of createInterface({ input: driver.stdout })) {
      if (line.startsWith('{')) result = JSON.parse(line) as RoundsResult
      else report(line)
    }
    const code = await ended
    process.off('exit', end)
    if (result === undefined) throw new Error(`the rounds ended with ${code}:\n${errors}`)
    return result
  } finally {
    spaces.remove()
  }
}
