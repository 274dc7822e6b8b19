/** Pages and deployment files name files, commands, settings and metrics: each must exist (what pages say about behaviour, other tests show). */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { CONFIG_SCHEMA } from '../actors/config.ts'
import { environmentName, leavesOf } from '../runtime/config.ts'

const root = path.resolve(import.meta.dirname, '..')
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')
const filesIn = (folder: string): string[] =>
  readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))

const PAGES = ['README.md', 'ARCHITECTURE.md', 'SPEC.md', 'CONTRIBUTING.md', ...filesIn('docs')]
const DEPLOYMENT = ['docker-compose.yml', 'Dockerfile', ...filesIn('deploy')]
const SOURCES = ['runtime', 'protocols', 'storage', 'actors', 'bin', 'test', 'docs', 'deploy'].flatMap(filesIn)
const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts)

describe('pages', () => {
  it.each(PAGES)('%s names files that exist', (page) => {
    const named = [...read(page).matchAll(/(?<![\w./*-])((?:[\w.-]+\/)*[\w.-]+\.(?:ts|md|sh|yml|yaml))(?![\w/])/g)].map(([, file]) => file!)
    // `name.ts` alone stands for a file of the folder that is spoken of.
    const exists = (file: string): boolean => existsSync(path.join(root, file)) || existsSync(path.join(root, path.dirname(page), file)) || SOURCES.some((one) => one.endsWith(`/${file}`))
    expect(named.filter((file) => !exists(file) && !OUTSIDE.includes(file))).toEqual([])
  })

  it('name npm scripts that exist', () => {
    const named = PAGES.flatMap((page) => [...read(page).matchAll(/npm run ([\w:-]+)/g)].map(([, script]) => script!))
    expect(named.filter((script) => !scripts.includes(script))).toEqual([])
  })

  it('tell contributors of every npm script', () => {
    const page = read('CONTRIBUTING.md')
    expect(scripts.filter((script) => !page.includes(`npm ${script}`) && !page.includes(`npm run ${script}`))).toEqual([])
  })

  it('give each rule of SPEC.md a test, or say that it is not built', () => {
    const rows = read('SPEC.md').split('\n').filter((line) => /^\| [A-Z]\d /.test(line))
    expect(rows.length).toBeGreaterThan(15)
    expect(rows.filter((row) => !/`[^`]*test[^`]*`|not built yet/.test(row))).toEqual([])
  })
})

/** What a user writes, and what lies beside the project. */
const OUTSIDE = ['skald.yaml']

describe('deployment', () => {
  const settings = new Set(leavesOf(CONFIG_SCHEMA).map(({ path: keys }) => environmentName(keys)))

  it('sets nothing that is no setting', () => {
    const named = DEPLOYMENT.flatMap((file) => [...read(file).matchAll(/\bSKALD_[A-Z_]+/g)].map(([name]) => name))
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter((name) => !settings.has(name))).toEqual([])
  })

  it('mounts files that exist', () => {
    const { services } = parse(read('docker-compose.yml'), { merge: true }) as { services: Record<string, { volumes?: string[] }> }
    const mounted = Object.values(services).flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')[0]!)).filter((source) => source.startsWith('./'))
    expect(mounted.length).toBeGreaterThan(5)
    expect(mounted.filter((source) => !existsSync(path.join(root, source)))).toEqual([])
  })

  it.each(['deploy/grafana/dashboards/skald.json', 'docs/operating.md'])('shows metrics that a node has in %s', (file) => {
    const shown = new Set([...read(file).matchAll(/\b(?:loki|skald)_[a-z_]+/g)].map(([name]) => name.replace(/_(?:bucket|count|sum)$/, '')))
    const code = filesIn('actors').concat(filesIn('runtime')).map(read).join('\n')
    expect(shown.size).toBeGreaterThan(3)
    // As the first argument of what makes it: buckets have such names, too.
    expect([...shown].filter((name) => !code.includes(`('${name}'`))).toEqual([])
  })
})
