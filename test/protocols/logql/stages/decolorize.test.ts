import { expect, it } from 'vitest'
import { linesAfter } from '../../../support/pipeline-rows.ts'

it('| decolorize takes ANSI sequences away and nothing else', () => {
  expect(linesAfter('| decolorize', ['\u001b[31mERROR\u001b[0m \u001b[1;32mbold\u001b[0m', 'plain [31m', 'é\u001b[K'])).toEqual(['ERROR bold', 'plain [31m', 'é'])
})
