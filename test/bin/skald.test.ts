import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCommand } from '../support/command.ts'

const SKALD = path.resolve(import.meta.dirname, '../../bin/skald.ts')
let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'skald-bin-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('skald', () => {
  it('lists its commands, and each has its usage', async () => {
    const { code, stdout } = await runCommand(['--help'])
    expect(code).toBe(0)
    for (const command of ['start', 'status', 'ring', 'config', 'push', 'query', 'tail']) expect(stdout).toContain(`  ${command}`)
    for (const command of ['status', 'ring', 'config', 'push', 'query', 'tail']) {
      expect(await runCommand([command, '--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining(`usage: skald ${command}`) })
    }
  })

  it('refuses an unknown command with exit code 2', async () => {
    expect(await runCommand(['strat'])).toMatchObject({ code: 2, stderr: expect.stringContaining('unknown command strat') })
  })

  it('runs as a program', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [SKALD, 'config', 'check'], { cwd: folder, env: { PATH: process.env['PATH'] ?? '' } })
    expect(stdout).toBe('# no file: good\n# all defaults\n')
  })

  it('ends without a word when nobody reads on', async () => {
    const child = spawn(process.execPath, [SKALD, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    const [errors, [code]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number | null]>])
    expect({ errors, code }).toEqual({ errors: '', code: 0 })
  })
})

describe('skald config check', () => {
  const write = (yaml: string): string => {
    const file = path.join(folder, 'skald.yaml')
    writeFileSync(file, yaml)
    return file
  }

  it('prints what differs from the defaults, in the file\'s own forms', async () => {
    const file = write('http: {port: 80}\nlimits_config: {query_timeout: 90s, max_line_size: 1MB}\n')
    const { code, stdout } = await runCommand(['config', 'check', '--config', file], { environment: { SKALD_PARTITIONS: '8' } })
    expect(code).toBe(0)
    expect(stdout).toBe(`# ${file}: good\npartitions: 8\nhttp:\n  port: 80\nlimits_config:\n  max_line_size: 1MB\n  query_timeout: 1m30s\n`)
  })

  it('lists every mistake, with exit code 2', async () => {
    const file = write('htp: {port: 80}\npartitions: many\n')
    const { code, stderr } = await runCommand(['config', 'check'], { environment: { SKALD_CONFIG: file } })
    expect(code).toBe(2)
    expect(stderr).toContain('unknown key htp, did you mean http?')
    expect(stderr).toContain('partitions is "many"; a whole number from 1 to 4096 expected')
  })

  it.each([
    ['gs://logs', 'expected file:, s3: or a directory'],
    ['s3://logs?regio=eu-west-1', 'unknown setting regio'],
    ['s3://logs?endpoint=localhost:9000', 'http:// or https://'],
    ['s3://AKIA:hunter2@logs', 'credentials do not belong into the URL'],
    ['s3://AKIA:hun/ter2@logs', 'not a URL'],
  ])('says what is wrong with an object store at %s, as a start does', async (url, reason) => {
    const environment = { SKALD_OBJECT_STORE_URL: url }
    const { code, stderr } = await runCommand(['config', 'check'], { environment })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^skald: environment: SKALD_OBJECT_STORE_URL is /)
    expect(stderr).toContain(reason)
    expect(stderr).not.toContain('ter2')
    expect(await runCommand(['start'], { environment })).toEqual({ code, stderr, stdout: '' })
  })

  it('warns of a folder for objects that cannot be made', async () => {
    const file = write('')
    const check = (url: string) => runCommand(['config', 'check'], { environment: { SKALD_OBJECT_STORE_URL: url } })
    expect(await check(`file:${file}/objects/here`)).toMatchObject({ code: 0, stderr: `skald: warning: objects cannot go to ${file}/objects/here: ${file} is no folder\n` })
    expect(await check(`file:${folder}/objects/here`)).toMatchObject({ code: 0, stderr: '' })
  })

  it('says which file it cannot read', async () => {
    expect(await runCommand(['config', 'check', '--config', path.join(folder, 'no.yaml')])).toMatchObject({ code: 2, stderr: expect.stringContaining('ENOENT') })
  })

  it('prints what can be loaded again with --all', async () => {
    const { stdout } = await runCommand(['config', 'check', '--all'], { environment: {} })
    const again = await runCommand(['config', 'check', '--config', write(stdout)])
    expect(again.stdout.split('\n').slice(1)).toEqual(['# all defaults', ''])
  })
})
