import { describe, expect, it } from 'vitest'
import { environmentName, loadConfig, nearestOf } from '../../runtime/config.ts'
import { choice, duration, flag, float, inert, integer, listOf, parseBytes, parseDurationMs, recordOf, showBytes, showDuration, size, structure, text, texts } from '../../runtime/config-schema.ts'

const SCHEMA = {
  name: text('none', 'A name.'),
  http: { port: integer(80, 'A port.', 0, 65_535), slow: duration('1m', 'A time.') },
  body: size('1MB', 'A size.'),
  ratio: float(0.5, 'A ratio.'),
  on: flag(true, 'A switch.'),
  colour: choice(['red', 'green'], 'red', 'A colour.'),
  tags: texts(['a'], 'Tags.'),
  rules: structure('a list of rules', [] as ReadonlyArray<{ readonly selector: string }>, 'Rules.', listOf(recordOf({ selector: text('{}', '') }))),
  old: inert(flag(false, 'Once used.')),
}

const load = (yaml?: string, environment: Record<string, string> = {}) => loadConfig(SCHEMA, { ...(yaml === undefined ? {} : { yaml }), fileName: 'skald.yaml', environment })

describe('loadConfig', () => {
  it('is the built-in defaults without a file or environment', () => {
    expect(load().config).toEqual({ name: 'none', http: { port: 80, slow: 60_000 }, body: 1 << 20, ratio: 0.5, on: true, colour: 'red', tags: ['a'], rules: [], old: false })
  })

  it('puts the file over the defaults and the environment over the file', () => {
    const { config } = load('http: {port: 81, slow: 5s}\nname: file\n', { SKALD_HTTP_PORT: '82', SKALD_TAGS: 'x, y', SKALD_ON: 'false' })
    expect(config.http).toEqual({ port: 82, slow: 5_000 })
    expect(config.name).toBe('file')
    expect(config.tags).toEqual(['x', 'y'])
    expect(config.on).toBe(false)
  })

  it('takes an empty file, empty groups and an empty variable of a text', () => {
    expect(load('').config.name).toBe('none')
    expect(load('http:\n').config.http.port).toBe(80)
    expect(load(undefined, { SKALD_NAME: '' }).config.name).toBe('')
  })

  it('names the nearest known key of an unknown one, at every depth', () => {
    expect(() => load('nane: x')).toThrow('skald.yaml: unknown key nane, did you mean name?')
    expect(() => load('http: {prt: 1}')).toThrow('skald.yaml: unknown key http.prt, did you mean http.port?')
    expect(() => load('constructor: 1')).toThrow('unknown key constructor')
    expect(() => load('wholly_different_thing: 1')).toThrow(/wholly_different_thing$/)
  })

  it.each([
    ['http: {port: eighty}', 'skald.yaml: http.port is "eighty"; a whole number from 0 to 65535 expected'],
    ['http: {port: 65536}', 'http.port is 65536; a whole number from 0 to 65535 expected'],
    ['http: {slow: 10}', 'http.slow is 10; a duration such as 500ms, 10s, 1h30m or 7d expected'],
    ['body: -1', 'body is -1; a size in bytes'],
    ['on: maybe', 'on is "maybe"; true or false expected'],
    ['colour: blue', 'colour is "blue"; one of red, green expected'],
    ['http: 5', 'http holds 5; a map of keys expected'],
    ['- a', 'the file holds ["a"]; a map of keys expected'],
    ['rules: [{selctor: x}]', 'rules is [{"selctor":"x"}]; a list of rules expected (unknown key selctor)'],
  ])('%s: names key, value and expected form', (yaml, message) => {
    expect(() => load(yaml)).toThrow(message)
  })

  it('reports every mistake at once, and the variable by its own name', () => {
    expect(() => load('nane: x\non: 3', { SKALD_HTTP_PORT: 'tcp://10.0.0.1:80' })).toThrow(
      expect.objectContaining({ code: 'setup', message: 'skald.yaml: unknown key nane, did you mean name?\nskald.yaml: on is 3; true or false expected\nenvironment: SKALD_HTTP_PORT is "tcp://10.0.0.1:80"; a whole number from 0 to 65535 expected' }),
    )
  })

  it('gives the line of broken YAML', () => {
    expect(() => load('name: x\nhttp: {port: [')).toThrow(/skald\.yaml:2: /)
  })

  it('refuses a file that unfolds aliases without end', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]', ...'bcdefghi'.split('').map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefghi'[i]}`).join(', ')}]`)].join('\n')
    expect(() => load(bomb)).toThrow()
  })

  it('warns of keys without effect and of unknown variables, but goes on', () => {
    expect(load('old: true', { SKALD_SERVICE_HOST: '10.0.0.1', SKALD_NAMES: 'x' }).warnings).toEqual([
      'skald.yaml: old is accepted and has no effect in Skald',
      'environment: unknown variable SKALD_SERVICE_HOST',
      'environment: unknown variable SKALD_NAMES, did you mean SKALD_NAME?',
    ])
  })
})

describe('forms', () => {
  it.each([['0', 0], [0, 0], ['500ms', 500], ['1h30m', 5_400_000], ['7d', 604_800_000], ['721h', 2_595_600_000], ['1.5s', 1_500], ['1w', 604_800_000]])('duration %s', (form, ms) => {
    expect(parseDurationMs(form)).toBe(ms)
  })
  it.each([5, '5', '5 s', '-1s', '1h30', 's', '1s junk', null])('no duration: %s', (form) => {
    expect(() => parseDurationMs(form)).toThrow()
  })
  it.each([['256KB', 262_144], ['1GB', 2 ** 30], ['1.5MB', 1_572_864], ['600 MiB', 629_145_600], [7, 7], ['0B', 0], ['12', 12]])('size %s', (form, bytes) => {
    expect(parseBytes(form)).toBe(bytes)
  })
  it.each([-1, 1.5, '1XB', '', 'KB', null, '1e3'])('no size: %s', (form) => {
    expect(() => parseBytes(form)).toThrow()
  })
  it('shows what it parses', () => {
    for (const ms of [0, 1, 999, 60_000, 5_400_000, 90_061_001]) expect(parseDurationMs(showDuration(ms))).toBe(ms)
    for (const bytes of [0, 1, 1023, 1024, 262_144, 2 ** 30, 5000 * 2 ** 20]) expect(parseBytes(showBytes(bytes))).toBe(bytes)
  })
  it('names variables and neighbours', () => {
    expect(environmentName('object_store.url')).toBe('SKALD_OBJECT_STORE_URL')
    expect(nearestOf('ingestion_rate_md', ['ingestion_rate_mb', 'query_timeout'])).toBe('ingestion_rate_mb')
    expect(nearestOf('xyz', ['ingestion_rate_mb'])).toBeUndefined()
  })
})
