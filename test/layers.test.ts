/** The shape of the source tree: import order, no cycles, nothing orphaned, no strays (../docs and CONTRIBUTING say why). */
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '..')
const LAYERS = ['runtime', 'protocols', 'storage', 'actors'] as const
const sources = LAYERS.flatMap((layer) => filesIn(layer))
const entries = new Set(filesIn('bin').concat(filesIn('test')))

function filesIn(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((f) => f.isFile() && f.name.endsWith('.ts'))
    .map((f) => path.relative(root, path.join(f.parentPath, f.name)))
}

const text = new Map([...sources, ...entries].map((file) => [file, readFileSync(path.join(root, file), 'utf8')]))
/** Comments and string bodies blanked, so that prose cannot trip a rule. */
const code = (file: string): string => (text.get(file) ?? '').replace(/\/\*[\s\S]*?\*\/|(^|[^:'"`])\/\/[^\n]*/g, '$1')

function importsOf(file: string): Array<{ target: string; typeOnly: boolean }> {
  const found: Array<{ target: string; typeOnly: boolean }> = []
  const statement = /(?:import|export)\s+(type\s)?[^'"`;]*?from\s+'(\.[^']+)'|import\s+'(\.[^']+)'|(?:import\(|new URL\()\s*'(\.[^']+)'/g
  for (const m of (text.get(file) ?? '').matchAll(statement)) {
    const specifier = m[2] ?? m[3] ?? m[4]
    if (specifier?.endsWith('.ts')) found.push({ target: path.normalize(path.join(path.dirname(file), specifier)), typeOnly: m[1] !== undefined })
  }
  return found
}

describe('layers', () => {
  it('imports go runtime <- protocols <- storage <- actors', () => {
    const wrong: string[] = []
    for (const file of sources) {
      const from = LAYERS.findIndex((l) => file.startsWith(`${l}/`))
      for (const { target } of importsOf(file)) {
        const to = LAYERS.findIndex((l) => target.startsWith(`${l}/`))
        if (to === -1 || to > from) wrong.push(`${file} -> ${target}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('has no import cycles', () => {
    const done = new Set<string>()
    const cycles: string[] = []
    const walk = (file: string, trail: string[]): void => {
      if (trail.includes(file)) cycles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '))
      if (done.has(file) || trail.includes(file)) return
      for (const { target, typeOnly } of importsOf(file)) if (!typeOnly && text.has(target)) walk(target, [...trail, file])
      done.add(file)
    }
    for (const file of sources) walk(file, [])
    expect(cycles).toEqual([])
  })

  it('keeps no file that nobody imports', () => {
    const used = new Set([...text.keys()].flatMap((file) => importsOf(file).map((i) => i.target)))
    expect(sources.filter((file) => !used.has(file))).toEqual([])
  })

  it('has no any, no suppressed types, no utils, no barrels', () => {
    const wrong = sources.filter((file) => /:\s*any\b|\bas any\b|@ts-ignore|@ts-nocheck|@ts-expect-error/.test(code(file)))
    expect(wrong).toEqual([])
    expect(sources.filter((file) => /(^|\/)(utils?|common|helpers?|index|misc)\.ts$/.test(file))).toEqual([])
    expect(sources.filter((file) => /^export \* from/m.test(code(file)))).toEqual([])
  })

  it('takes time, timers and randomness only from ports', () => {
    const stray = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bsetTimeout\(|\bsetInterval\(|\bperformance\.now\(|\brandomUUID\(|\brandomBytes\(/
    expect(sources.filter((file) => !file.startsWith('runtime/') && stray.test(code(file)))).toEqual([])
  })

  it('keeps third-party code at home', () => {
    const homes: ReadonlyArray<readonly [RegExp, RegExp]> = [
      [/from '@nats-io\//, /^(runtime\/(transport-nats|kv-jetstream|nats-[a-z-]+)|storage\/wal-jetstream[a-z-]*)\.ts$/],
      [/from '@aws-sdk\//, /^storage\/object-store-s3\.ts$/],
      [/from '@opentelemetry\/|from '@effect\/opentelemetry/, /^runtime\/telemetry[a-z-]*\.ts$/],
      [/from 'fastify'/, /^runtime\/http-server\.ts$/],
      [/from 'prom-client'/, /^runtime\/metrics\.ts$/],
      [/from 're2js'/, /^protocols\/logql\/regex\.ts$/],
      [/from 'yaml'/, /^runtime\/config[a-z-]*\.ts$/],
      [/from 'lz4-napi'/, /^(storage\/column-codec|protocols\/push\/content)\.ts$/],
      // Its parts are imported one by one: all of it takes half a second to load.
      [/from 'effect'/, /^$/],
    ]
    const wrong = homes.flatMap(([module, home]) => sources.filter((file) => module.test(text.get(file) ?? '') && !home.test(file)))
    expect(wrong).toEqual([])
  })
})
