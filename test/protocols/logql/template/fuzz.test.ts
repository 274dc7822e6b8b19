/** Random templates: each is refused as a query or runs to a line or a TemplateFormatErr; nothing else may come out. */
import { expect, it } from 'vitest'
import { SkaldError } from '../../../../runtime/errors.ts'
import { randomOf, rowsOf } from '../../../support/pipeline-rows.ts'

const ATOMS = ['"a"', '`b`', "'c'", '1', '-5', '1.5', '0x1f', '99999999999', '.', '.a', '.b.c', '$', '$.a', 'nil', 'true', '"(a+)+$"', '"[1,{\\"a\\":null}]"', '"UTC"', '"2006-01-02"', '"%v %d %q %5.2f"', '__line__', '__timestamp__']
const FUNCTIONS = [
  'add', 'sub', 'div', 'mod', 'addf', 'divf', 'round', 'ceil', 'max', 'int', 'float64', 'printf', 'print', 'println', 'len', 'index', 'slice', 'eq', 'lt', 'and', 'or', 'not', 'call', 'html', 'js', 'default', 'fromJson', 'date',
  'toDate', 'toDateInZone', 'now', 'unixEpoch', 'unixToTime', 'bytes', 'duration', 'trunc', 'substr', 'repeat', 'indent', 'replace', 'Replace', 'regexReplaceAll', 'count', 'b64dec', 'urldecode', 'alignLeft', 'title', 'trimAll', 'TrimLeft',
]
const NOISE = ['{{', '}}', '{{-', '-}}', 'if', 'else', 'end', 'range', 'with', 'define', 'template', 'break', '$x :=', '$k, $v :=', '(', ')', '|', ',', '/* c */']

it('never breaks', () => {
  const random = randomOf(2026)
  const pick = <T>(of: ReadonlyArray<T>): T => of[random(of.length)]!
  const call = (depth: number): string => [pick(FUNCTIONS), ...Array.from({ length: random(4) }, () => (depth > 0 && random(3) === 0 ? `(${call(depth - 1)})` : pick(ATOMS)))].join(' ')
  const action = (): string => `{{ ${call(2)}${random(3) === 0 ? ` | ${call(1)}` : ''} }}`
  const shapes = [
    action, action, () => `{{ range $k, $v := ${call(1)} }}${action()}{{ end }}`, () => `{{ with ${call(1)} }}${action()}{{ else }}x{{ end }}`,
    () => Array.from({ length: 1 + random(12) }, () => pick(pick([ATOMS, FUNCTIONS, NOISE]))).join(' '),
  ]
  for (let round = 0; round < 4000; round++) {
    const template = pick(shapes)()
    try {
      const rows = rowsOf(`| line_format ${JSON.stringify(template)}`, [{ line: '{"a":[1,{"b":"c"}]}', metadata: { a: '12', b: '{"x":1}' } }])
      expect([template, rows.length]).toEqual([template, 1])
      expect(['TemplateFormatErr', undefined]).toContain(rows[0]!.labels['__error__'])
    } catch (error) {
      if (!(error instanceof SkaldError)) throw new Error(`${template}: ${String(error)}`, { cause: error })
      expect(error.code).toBe('query_parse')
    }
  }
})
