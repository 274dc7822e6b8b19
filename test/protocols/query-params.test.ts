/** Parameters of the query endpoints: every form that Loki takes, and the exact words for what it refuses. */
import { describe, expect, it } from 'vitest'
import { checkResolution, instantQueryParameters, rangeQueryParameters, rfc3339, timeBounds } from '../../protocols/query-params.ts'

const NOW_NS = 1_793_500_000_000_000_000n
const get = (values: Readonly<Record<string, string>>) => (name: string): string => values[name] ?? ''
const range = (values: Readonly<Record<string, string>>) => rangeQueryParameters(get(values), NOW_NS)

describe('times', () => {
  it.each([
    ['1793491200', 1_793_491_200_000_000_000n],
    ['1793491200000000000', 1_793_491_200_000_000_000n],
    ['1793491260.5', 1_793_491_260_500_000_000n],
    ['1793491260.1239', 1_793_491_260_124_000_000n],
    ['2026-11-01T00:00:00Z', 1_793_491_200_000_000_000n],
    ['2026-11-01T01:00:00.000000001+01:00', 1_793_491_200_000_000_001n],
  ])('%s', (text, ns) => {
    expect(timeBounds(get({ start: text }), NOW_NS).startNs).toBe(ns)
  })

  it('is the last hour when nothing is said, or `since` before the end', () => {
    expect(timeBounds(get({}), NOW_NS)).toEqual({ startNs: NOW_NS - 3_600_000_000_000n, endNs: NOW_NS })
    const bounds = timeBounds(get({ end: '1793494800000000000', since: '30s' }), NOW_NS)
    expect(bounds).toEqual({ startNs: 1_793_494_770_000_000_000n, endNs: 1_793_494_800_000_000_000n })
    expect(timeBounds(get({ end: '1793600000' }), NOW_NS).startNs).toBe(NOW_NS - 3_600_000_000_000n)
  })

  it('refuses dates that are none', () => {
    expect(rfc3339('2026-13-01T00:00:00Z')).toBeNull()
    expect(rfc3339('2026-11-01')).toBeNull()
  })
})

describe('steps, limits, directions', () => {
  const hour = { start: '1793491200', end: '1793494800' }

  it('takes seconds and durations, and has defaults', () => {
    expect(range({ ...hour, step: '0.5' }).stepNs).toBe(500_000_000n)
    expect(range({ ...hour, step: '1h' }).stepNs).toBe(3_600_000_000_000n)
    expect(range(hour)).toMatchObject({ stepNs: 14_000_000_000n, limit: 100, direction: 'backward', intervalNs: 0n })
    expect(range({ start: '1793491200', end: '1793491210' }).stepNs).toBe(1_000_000_000n)
    expect(range({ ...hour, direction: 'FORWARD', interval: '600' })).toMatchObject({ direction: 'forward', intervalNs: 600_000_000_000n })
  })

  it.each<[Record<string, string>, string]>([
    [{ start: 'abc' }, `could not parse 'start' parameter: strconv.ParseInt: parsing "abc": invalid syntax`],
    [{ end: '99999999999999999999' }, `could not parse 'end' parameter: strconv.ParseInt: parsing "99999999999999999999": value out of range`],
    [{ since: 'x' }, `could not parse 'since' parameter: not a valid duration string: "x"`],
    [{ limit: '-1' }, 'limit must be a positive value'],
    [{ limit: '0' }, 'limit must be a positive value'],
    [{ limit: 'x' }, 'strconv.Atoi: parsing "x": invalid syntax'],
    [{ start: '1793494800', end: '1793491200' }, 'end timestamp must not be before or equal to start time'],
    [{ step: 'zz' }, 'cannot parse "zz" to a valid duration'],
    [{ step: '1e30' }, 'cannot parse "1e30" to a valid duration. It overflows int64'],
    [{ step: '0' }, 'zero or negative query resolution step widths are not accepted. Try a positive integer'],
    [{ interval: '-1' }, 'interval must be >= 0'],
    [{ direction: 'up' }, "invalid direction 'up'"],
  ])('refuses %j', (values, message) => {
    expect(() => range(values)).toThrow(message)
  })

  it('names no parameter when the time of an instant query is bad', () => {
    expect(() => instantQueryParameters(get({ time: 'zzz' }), NOW_NS)).toThrow(/^strconv\.ParseInt: parsing "zzz": invalid syntax$/)
    expect(instantQueryParameters(get({ time: '1793493000' }), NOW_NS).timeNs).toBe(1_793_493_000_000_000_000n)
  })

  it('refuses more than 11,000 points', () => {
    checkResolution(range({ start: '0', end: '11000', step: '1' }))
    expect(() => checkResolution(range({ start: '0', end: '11001', step: '1' }))).toThrow('exceeded maximum resolution of 11,000 points per time series')
  })
})
