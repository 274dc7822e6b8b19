import { expect, it } from 'vitest'
import { ByteInterner } from '../../../protocols/logql/byte-interner.ts'

it('equal bytes get equal codes, in order of first sight, however many there are', () => {
  const interner = new ByteInterner()
  const texts = Array.from({ length: 5000 }, (_, i) => `value ${i} é${'x'.repeat(i % 40)}`)
  for (const [i, text] of texts.entries()) expect(interner.codeOfText(text)).toBe(i)
  const joined = Buffer.from(`--${texts[4321]!}--`)
  expect(interner.codeOf(joined, 2, joined.length - 2)).toBe(4321)
  expect(interner.textOf(1234)).toBe(texts[1234])
  expect(interner.codeOfText('')).toBe(5000)
  expect(interner.size).toBe(5001)
})
