import { describe, expect, it } from 'vitest'
import { type LogOptions, createLogger } from '../../runtime/log.ts'

function recorded(options: LogOptions = {}): { lines: string[]; parsed: () => Array<Record<string, unknown>>; log: ReturnType<typeof createLogger> } {
  const lines: string[] = []
  const log = createLogger({ write: (line) => lines.push(line), nowMs: () => 0, ...options })
  return { lines, log, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

describe('createLogger', () => {
  it('writes one JSON line with time, level, message and fields', () => {
    const { log, lines, parsed } = recorded()
    log.info('flushed', { partition: 3, tenant: 'a', bytes: 12n, nothing: undefined })
    expect(lines[0]?.endsWith('\n')).toBe(true)
    expect(parsed()).toEqual([{ time: '1970-01-01T00:00:00.000Z', level: 'info', msg: 'flushed', partition: 3, tenant: 'a', bytes: '12' }])
  })

  it('leaves out what is below its level', () => {
    const { log, parsed } = recorded({ level: 'warn' })
    log.debug('a')
    log.info('b')
    log.warn('c')
    log.error('d')
    expect(parsed().map((line) => line['msg'])).toEqual(['c', 'd'])
  })

  it('names the trace that is being worked for', () => {
    const { log, parsed } = recorded({ traceFields: () => ({ trace_id: 't1' }) })
    log.info('x', { partition: 1 })
    expect(parsed()[0]).toMatchObject({ partition: 1, trace_id: 't1' })
  })

  it('shows errors with their cause, cuts huge text, survives cycles', () => {
    const { log, parsed, lines } = recorded()
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    log.error('failed', { error: new Error('put failed', { cause: new Error('ECONNREFUSED') }), big: 'x'.repeat(100_000) })
    log.error('odd', { cycle })
    expect(parsed()[0]?.['error']).toBe('put failed: ECONNREFUSED')
    expect(lines[0]?.length).toBeLessThan(10_000)
    expect(lines).toHaveLength(2)
  })

  it('keeps fields from overwriting level and message', () => {
    const { log, parsed } = recorded()
    log.info('real', { msg: 'fake', level: 'fake' })
    expect(parsed()[0]).toMatchObject({ msg: 'real', level: 'info', field_msg: 'fake', field_level: 'fake' })
  })

  it('is one line without foreign escapes in the readable form', () => {
    const { log, lines } = recorded({ format: 'pretty' })
    log.warn('two\nlines \x1b[31m', { tenant: 'a b', id: 'x' })
    expect(lines[0]?.trimEnd().split('\n')).toHaveLength(1)
    expect(lines[0]).toContain('two lines  [31m')
    expect(lines[0]).toContain('"a b"')
  })
})
