/** Texts are made into values once while they are in use, and memory stays bounded. */
import { expect, it } from 'vitest'
import { TextCache } from '../../protocols/label-cache.ts'

it('makes a value once for a text in use', () => {
  let made = 0
  const cache = new TextCache((text) => ({ text, serial: ++made }), 1_000_000)
  const first = cache.get('{a="b"}')
  for (let i = 0; i < 100; i++) expect(cache.get('{a="b"}')).toBe(first)
  expect(made).toBe(1)
})

it('forgets what is not used and keeps what is, within its bytes', () => {
  let made = 0
  const cache = new TextCache(() => ++made, 100_000)
  const kept = cache.get('kept')
  for (let i = 0; i < 50_000; i++) {
    cache.get(`{stream="${i}"}`)
    expect(cache.get('kept')).toBe(kept)
  }
  expect(cache.entryCount).toBeLessThan(100_000 / 200)
})

it('remembers nothing of a failure', () => {
  let fail = true
  const cache = new TextCache((text) => {
    if (fail) throw new Error('no')
    return text
  })
  expect(() => cache.get('x')).toThrow('no')
  fail = false
  expect(cache.get('x')).toBe('x')
})
