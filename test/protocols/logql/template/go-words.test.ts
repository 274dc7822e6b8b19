/** What Go itself answers to templates that are wrong or at the edge: each expectation was printed by text/template with sprig's functions. */
import { describe, expect, it } from 'vitest'
import { refusal, render } from './render.ts'

const LABELS = { s: 'päring', n: '42', d: '1.5s' }
const JSON_LINE = '{"user":{"name":"eve","roles":["a","b"]},"nul":null,"msg":"m"}'

describe('an error while a template runs names the node that Go looked at last', () => {
  it.each([
    ['{{ alignRight 3 (int .n) }}', '<.n>: wrong type for value; expected string; got int'],
    ['{{ 1.5 | nindent 2 }}', '<2>: wrong type for value; expected string; got float64'],
    ['{{ .n | printf "%s" | trunc "x" }}', '<"x">: expected integer; found "x"'],
    ['{{ indent 2 (ceil 1.5) }}', '<1.5>: wrong type for value; expected string; got float64'],
    ['{{ unixEpoch "5" }}', '<"5">: can\'t handle "5" for arg of type time.Time'],
    ['{{ (print 1) 2 }}', "<(print 1) 2>: can't give argument to non-function print 1"],
    ['{{ range .s }}{{ end }}', '<.s>: range can\'t iterate over päring'],
    ['{{ $x = 6 }}', '<6>: undefined variable: $x'],
    ['{{ template "t" . }}', '<{{template "t" .}}>: template "t" not defined'],
    ['{{ .s.x }}', "<.s.x>: can't evaluate field x in type string"],
    ['{{ mul 9223372036854775808 2 }}', '<9223372036854775808>: 9223372036854775808 overflows int'],
    ['{{ .n | eq 5 }}', '<eq 5>: error calling eq: incompatible types for comparison'],
    ['{{ index "abc" 3 }}', '<index "abc" 3>: error calling index: reflect: string index out of range'],
    ['{{ substr 5 3 .s }}', '<substr 5 3 .s>: error calling substr: runtime error: slice bounds out of range [5:3]'],
    ['{{ count "(" .s }}', '<count "(" .s>: error calling count: error parsing regexp: missing closing ): `(`'],
    ['{{ regexReplaceAll "{2}" .s "" }}', '<regexReplaceAll "{2}" .s "">: error calling regexReplaceAll: error parsing regexp: missing argument to repetition operator: `{2}`'],
    ['{{ duration .s }}', '<duration .s>: error calling duration: time: invalid duration "p\\xc3\\xa4ring"'],
    ['{{ mulf 2 "inf" }}', '<mulf 2 "inf">: error calling mulf: Cannot create a Decimal from +Inf'],
  ])('%s', (template, message) => {
    expect(render(template, LABELS)).toMatch(/^template: line:1:\d+: executing "line" at /)
    expect(render(template, LABELS)).toContain(` at ${message}`)
  })

  it('counts the column of a chain of fields from its second one', () => {
    expect(render('{{ .s.x }}', LABELS)).toMatch(/^template: line:1:5: /)
  })

  it('tells a field of nothing from a field of what JSON holds', () => {
    expect(render('{{ (fromJson __line__).nope.x }}', {}, JSON_LINE)).toContain('nil pointer evaluating interface {}.x')
    expect(render('{{ (fromJson __line__).msg.x }}', {}, JSON_LINE)).toContain("can't evaluate field x in type interface {}")
    expect(render('{{ (fromJson "broken").x.y }}', {}, JSON_LINE)).toBe('<no value>')
  })
})

describe('the integers of sprig are int64', () => {
  it.each([
    ['{{ add 1 2 | printf "%T %d %03d" }}', 'int64 %!d(MISSING) %!d(MISSING)'],
    ['{{ printf "%T %T %d" (add 1 2) (int "3") (mul 2 3) }}', 'int64 int 6'],
    ['{{ eq (add 1 2) 3 }} {{ lt (sub 1 2) 0 }} {{ index (fromJson "[7,8]") (add 0 1) }}', 'true true 8'],
    ['{{ if mul 0 5 }}yes{{ else }}no{{ end }}', 'no'],
  ])('%s', (template, expected) => expect(render(template, LABELS)).toBe(expected))

  it('so that functions which take an int refuse them', () => {
    expect(render('{{ trunc (add 1 2) .s }}', LABELS)).toContain('wrong type for value; expected int; got int64')
  })
})

describe('printf', () => {
  it.each([
    ['{{ printf "%[2]s-%[1]s %[3]d" "a" "b" }}', 'b-a %!d(BADINDEX)'],
    ['{{ printf "% x|%#x|%x" "hé" "hé" "hé" }}', '68 c3 a9|0x68c3a9|68c3a9'],
    ['{{ printf "%6.2f|%-7.1f|%+.1e" 3.14159 2.5 12345.678 }}', '  3.14|2.5    |+1.2e+04'],
    ['{{ printf "%6.2f" "0x1f" }}', '%!f(string=    0x)'],
    ['{{ printf "%*d|%-*d|" 5 42 5 42 }}', '   42|42   |'],
    ['{{ printf "%*d" "x" 42 }}', '%!(BADWIDTH)42'],
    ['{{ printf "%+v %v %+d" 5 5 5 }}', '5 5 +5'],
    ['{{ printf "%q %v" (fromJson "[\\"a\\",1]") (fromJson "{\\"b\\":null}") }}', '["a" %!q(float64=1)] map[b:<nil>]'],
    ['{{ printf "%d %s" .s 5 }}', '%!d(string=päring) %!s(int=5)'],
    ['{{ printf "%t %t" true "x" }}', 'true %!t(string=x)'],
    ['{{ printf "%d" }}|{{ printf "%" }}|{{ printf "x" 1 "a" nil }}', '%!d(MISSING)|%!(NOVERB)|x%!(EXTRA int=1, string=a, <nil>)'],
    ['{{ printf "%08.3f|%x|%X|%o|%b|%c|%U" 3.14159 255 255 8 5 0x1F98A 0x1F98A }}', '0003.142|ff|FF|10|101|🦊|U+1F98A'],
    ['{{ html nil "<" }}|{{ js "a" nil }}|{{ urlquery "a b" nil }}', '&lt;no value&gt;&lt;|a\\u003Cno value\\u003E|a+b%3Cno+value%3E'],
  ])('%s', (template, expected) => expect(render(template, LABELS)).toBe(expected))
})

describe('times', () => {
  it.each([
    ['{{ (unixToTime "1793491200").Format "2006-01-02 15:04" }}', '2026-11-01 00:00'],
    ['{{ ((unixToTime "1793491200").Add 1000000000).Unix }} {{ (unixToTime "1793491200").YearDay }}', '1793491201 305'],
    ['{{ toDateInZone "2006-01-02 15:04" "Europe/Tallinn" "2026-11-01 12:00" }}', '2026-11-01 12:00:00 +0200 EET'],
    ['{{ toDateInZone "2006-01-02" "America/New_York" "2026-07-01" }}', '2026-07-01 00:00:00 -0400 EDT'],
    ['{{ (toDateInZone "2006-01-02" "Asia/Tokyo" "2026-07-01").Format "MST Z07:00" }}', 'JST +09:00'],
    ['{{ toDateInZone "2006-01-02" "Asia/Tokyo" "2026-07-01" | date "2006-01-02 15:04 MST" }}', '2026-06-30 15:00 UTC'],
    ['{{ toDateInZone "2006-01-02" "Europe/Istanbul" "2026-07-01" }}', '2026-07-01 00:00:00 +0300 +03'],
    ['{{ toDate "2006-01-02T15:04:05Z07:00" "2026-07-01T12:00:00+02:00" }}', '2026-07-01 12:00:00 +0200 +0200'],
    ['{{ toDate "2006-01-02T15:04:05.000Z07:00" "2026-07-01T12:00:00.123+05:30" | unixEpochMillis }}', '1782887400123'],
    ['{{ toDate "2006-01-02 MST" "2026-07-01 EST" }}', '2026-07-01 00:00:00 +0000 EST'],
    ['{{ toDateInZone "2006-01-02 MST" "Europe/Paris" "2026-07-01 CET" }}', '2026-07-01 01:00:00 +0200 CEST'],
    ['{{ (unixToTime "1793491200").Before (unixToTime "1793491201") }}', 'true'],
  ])('%s', (template, expected) => expect(render(template)).toBe(expected))

  it('says how many arguments a method wants', () => {
    expect(render('{{ (unixToTime "1793491200").Format }}')).toContain('wrong number of args for Format: want 1 got 0')
  })
})

describe('a template that is no template', () => {
  it.each([
    ['{{ "a\\qb" }}', 'template: line:1: invalid syntax'],
    ["{{ 'ab' }}", "template: line:1: malformed character constant: 'ab'"],
    ['{{ 1e }}', 'template: line:1: illegal number syntax: "1e"'],
    ['{{ @ }}', 'template: line:1: unexpected "@" in command'],
    ['{{ $x, $y := . }}', 'template: line:1: too many declarations in command'],
    ['{{ range $i, $x, $y := . }}{{ end }}', 'template: line:1: too many declarations in range'],
    ['{{ if .s }}{{ else x }}{{ end }}', 'template: line:1: unexpected "x" in else'],
    ['{{ if .s }}{{ define "t" }}{{ end }}{{ end }}', 'template: line:1: unexpected <define> in command'],
    ['{{ .s "x" .abcdefghijk.l "y" "z }}', 'template: line:1: unterminated quoted string'],
    ['{{ else }}', 'template: line:1: unexpected {{else}}'],
  ])('%s', (template, message) => expect(refusal(template)).toBe(message))
})
