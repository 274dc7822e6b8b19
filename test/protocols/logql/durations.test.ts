/** Durations and sizes: what LogQL accepts, and how values are printed. */
import { describe, expect, it } from 'vitest'
import {
  formatBytes, formatGoDuration, formatPrometheusDuration, parseBytes, parseDuration, parseGoDuration, parsePrometheusDuration, readPrometheusDuration,
} from '../../../protocols/logql/durations.ts'

describe('Go durations', () => {
  it.each([
    ['1.5h', 5400e9], ['1m30s', 90e9], ['-5m', -300e9], ['+5m', 300e9], ['0', 0], ['-0', 0], ['.5s', 0.5e9], ['1.s', 1e9], ['3µs', 3000], ['3μs', 3000], ['3us', 3000], ['1h1h', 7200e9],
    ['1ns', 1], ['0.0000000001s', 0],
  ])('%s', (text, ns) => {
    expect(parseGoDuration(text)).toBe(ns)
  })

  it.each(['', '-', '5', '1d', '1.2.3s', 's', '.s', '1s ', ' 1s', '300000000h', '5m3'])('refuses %j', (text) => {
    expect(parseGoDuration(text)).toBeNull()
  })

  it.each([[0, '0s'], [1, '1ns'], [1500, '1.5µs'], [300e6, '300ms'], [1.5e9, '1.5s'], [90e9, '1m30s'], [3600e9, '1h0m0s'], [-5400e9, '-1h30m0s'], [3723.000000004e9, '1h2m3.000000004s']])(
    'prints %d as %s', (ns, text) => {
      expect(formatGoDuration(ns)).toBe(text)
    })
})

describe('Prometheus durations', () => {
  it.each([['5m', 300e9], ['1d12h', 129_600e9], ['1w', 604_800e9], ['1y2w3d4h5m6s7ms', 33_019_506.007e9], ['0', 0]])('%s', (text, ns) => {
    expect(parsePrometheusDuration(text)).toBe(ns)
  })

  it.each([
    ['', 'empty duration string'], ['5', 'not a valid duration string: "5"'], ['5x', 'unknown unit "x" in duration "5x"'], ['1.5h', 'unknown unit "." in duration "1.5h"'],
    ['-5m', 'not a valid duration string: "-5m"'], ['1m1h', 'not a valid duration string: "1m1h"'], ['1m1m', 'not a valid duration string: "1m1m"'], ['300y', 'duration out of range'],
    ['99999999999999999999s', 'not a valid duration string: "99999999999999999999s"'],
  ])('refuses %j with its reason', (text, error) => {
    expect(readPrometheusDuration(text)).toEqual({ error })
  })

  it.each([[300e9, '5m'], [5400e9, '1h30m'], [86_400e9, '1d'], [129_600e9, '1d12h'], [604_800e9, '1w'], [1e6, '1ms'], [0, '0s'], [-300e9, '-5m']])('prints %d as %s', (ns, text) => {
    expect(formatPrometheusDuration(ns)).toBe(text)
  })

  it('come before Go durations in literals', () => {
    expect([parseDuration('1d'), parseDuration('1.5h'), parseDuration('-1d')]).toEqual([86_400e9, 5400e9, null])
  })
})

describe('sizes', () => {
  it.each([
    ['42', 42], ['1KB', 1000], ['1kb', 1000], ['1KiB', 1024], ['1.5 kB', 1500], ['2MiB', 2_097_152], ['1,234B', 1234], ['5k', 5000], ['5Gi', 5_368_709_120], ['1TB', 1e12], ['1PB', 1e15], ['.5KB', 500],
  ])('%s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes)
  })

  it.each(['', 'KB', '1XB', '1.2.3B', '-1B', '20000000EB', '1 K B'])('refuses %j', (text) => {
    expect(parseBytes(text)).toBeNull()
  })

  it.each([[9, '9 B'], [82, '82 B'], [1000, '1.0 kB'], [82_854_982, '83 MB'], [1234, '1.2 kB']])('prints %d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })
})
