import { describe, expect, it } from 'vitest'
import { CodeTrie } from '../../../protocols/logql/code-trie.ts'
import { drawFrom } from '../../support/random-entries.ts'

describe('rows of codes', () => {
  it('have one number each, small codes and large', () => {
    const draw = drawFrom(3)
    const trie = new CodeTrie()
    const known = new Map<string, number>()
    for (let i = 0; i < 20_000; i++) {
      const codes = [draw(3), draw(2) === 0 ? draw(100) : 50_000 + draw(100), draw(5) * 40]
      const node = codes.reduce((at, code) => trie.child(at, code), 0)
      expect(node).toBe(known.get(codes.join()) ?? node)
      known.set(codes.join(), node)
    }
    expect(new Set(known.values()).size).toBe(known.size)
    expect(trie.size).toBeGreaterThan(known.size)
  })
})
