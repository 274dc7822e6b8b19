import { describe, expect, it } from 'vitest'
import { refusal, render } from './render.ts'

describe('template syntax', () => {
  it.each([
    ['a{{- 1 -}} b', 'a1b'],
    ['a {{/* note */ -}} b', 'a b'],
    ['{{ if .a }}yes{{ else if .b }}b{{ else }}no{{ end }}', 'b'],
    ['{{ with .none }}x{{ else with .b }}{{ . }}{{ else }}no{{ end }}', '2'],
    ['{{ $x := .b }}{{ if true }}{{ $x = "in" }}{{ end }}{{ $x }}', 'in'],
    ['{{ range $i, $v := fromJson `[3,4,5]` }}{{ if eq $i 2 }}{{ break }}{{ end }}{{ $i }}={{ $v }};{{ end }}', '0=3;1=4;'],
    ['{{ range fromJson `[]` }}x{{ else }}empty{{ end }}', 'empty'],
    ['{{ range $k, $v := fromJson `{"b":1,"a":[true,null]}` }}{{ $k }}={{ $v }} {{ end }}', 'a=[true <nil>] b=1 '],
    ['{{ range 3 }}{{ . }}{{ end }}', '012'],
    ['{{ define "T" }}<{{ . }}>{{ end }}{{ template "T" .b }}{{ template "T" "x" }}', '<2><x>'],
    ['{{ block "B" .b }}[{{ . }}]{{ end }}', '[2]'],
    ['{{ (fromJson `{"a":{"b":[1,{"c":"deep"}]}}`).a.b }}', '[1 map[c:deep]]'],
    ['{{ "quoted\\t\\u00e9" }}{{ `raw\\t` }}{{ \'a\' }}{{ 0x10 }}{{ 1e3 }}{{ 1_000 }}', 'quoted\té'.concat('raw\\t', '97', '16', '1000', '1000')],
    ['{{ $.b }}{{ range fromJson `[1]` }}{{ $.b }}{{ end }}', '22'],
    ['{{ print .b | printf "%s-%s" "x" }}', 'x-2'],
  ])('%s', (template, expected) => {
    expect(render(template, { b: '2' })).toBe(expected)
  })

  it.each([
    ['{{ .x', 'template: line:1: unclosed action'],
    ['{{ nope }}', 'template: line:1: function "nope" not defined'],
    ['\n\n{{ $y }}', 'template: line:3: undefined variable "$y"'],
    ['{{ if .a }}', 'template: line:1: unexpected EOF'],
    ['{{ }}', 'template: line:1: missing value for command'],
    ['{{ end }}', 'template: line:1: unexpected {{end}}'],
    ['{{ "x }}', 'template: line:1: unterminated quoted string'],
    ['{{ (1 }}', 'template: line:1: unclosed left paren'],
    ['{{ break }}', 'template: line:1: {{break}} outside {{range}}'],
    ['{{/* x', 'template: line:1: unclosed comment'],
    ['{{ . | 1 }}', 'template: line:1: non executable command in pipeline stage 2'],
  ])('refuses %s', (template, message) => {
    expect(refusal(template)).toBe(message)
  })

  it.each([
    ['{{ index .b 9 }}', 'template: line:1:3: executing "line" at <index .b 9>: error calling index: index out of range: 9'],
    ['{{ .b.c }}', `template: line:1:4: executing "line" at <.b.c>: can't evaluate field c in type string`],
    ['{{ lower 5 }}', 'template: line:1:9: executing "line" at <5>: expected string; found 5'],
    ['{{ trunc .b "x" }}', 'template: line:1:10: executing "line" at <.b>: wrong type for value; expected int; got string'],
    ['{{ lower }}', 'template: line:1:3: executing "line" at <lower>: wrong number of args for lower: want 1 got 0'],
    ['{{ eq .b 1 }}', 'template: line:1:3: executing "line" at <eq .b 1>: error calling eq: incompatible types for comparison'],
    ['{{ template "none" }}', 'template: line:1:11: executing "line" at <{{template "none"}}>: template "none" not defined'],
    ['{{ range .b }}{{ end }}', `template: line:1:9: executing "line" at <.b>: range can't iterate over 2`],
  ])('%s fails with its place', (template, message) => {
    expect(render(template, { b: '2' }).replace(/line:1:\d+:/, 'line:1:')).toBe(message.replace(/line:1:\d+:/, 'line:1:'))
  })
})
