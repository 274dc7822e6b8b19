import { describe, expect, it } from 'vitest'
import { lineTime } from '../../bin/push/line-time.ts'

const YEAR_OF_MS = Date.UTC(2026, 10, 21)
function ms(line: string, yearOfMs = YEAR_OF_MS): number | null {
  const bytes = Buffer.from(line)
  const time = lineTime(bytes, 0, bytes.length, yearOfMs)
  return time === null ? null : time.seconds * 1000 + time.nanos / 1e6
}

describe('lineTime', () => {
  it.each([
    ['2026-01-31T10:00:00Z x', '2026-01-31T10:00:00Z'],
    ['2026-01-31 10:00:00.123456789 x', '2026-01-31T10:00:00.123456789Z'],
    ['[2026/01/31 10:00:00,250] INFO', '2026-01-31T10:00:00.250Z'],
    ['2026-01-31T10:00:00+02:00 x', '2026-01-31T08:00:00Z'],
    ['{"level":"info","time":"2026-01-31T10:00:00Z","msg":"x"}', '2026-01-31T10:00:00Z'],
    ['level=info ts=2026-01-31T10:00:00.5Z msg=x', '2026-01-31T10:00:00.500Z'],
    ['10.0.0.1 - - [31/Jan/2026:10:00:00 +0100] "GET /"', '2026-01-31T09:00:00Z'],
    ['Jan 31 10:00:00 host sshd[1]: x', '2026-01-31T10:00:00Z'],
    ['<34>Jan  1 10:00:00 host x', '2026-01-01T10:00:00Z'],
    ['1769853600.25 x', '2026-01-31T10:00:00.250Z'],
    ['1769853600250 x', '2026-01-31T10:00:00.250Z'],
    ['{"ts":1769853600.25}', '2026-01-31T10:00:00.250Z'],
  ])('%s', (line, expected) => {
    expect(ms(line)).toBeCloseTo(Date.parse(expected) + (expected.length > 25 ? 0.456789 : 0), 4)
  })

  it.each(['no time here', '  at foo (bar.js:10:5)', '', '2026-13', 'Foo 31 10:00:00 x', `${'x'.repeat(70)} expires 2031-01-01T00:00:00Z`])('none: %s', (line) => {
    expect(ms(line)).toBeNull()
  })

  it('takes a syslog line of December in a file of January for the year before', () => {
    expect(ms('Dec 31 23:59:59 host x', Date.UTC(2027, 0, 2))).toBe(Date.UTC(2026, 11, 31, 23, 59, 59))
  })
})
