import { describe, expect, it } from 'vitest'
import { render } from './render.ts'

const cases = (name: string, rows: ReadonlyArray<readonly [string, string]>): unknown =>
  describe(name, () => {
    it.each(rows)('%s gives %s', (template, expected) => {
      expect(render(template, { s: 'Hello, Wörld', n: '42', f: '3.7', p: '/a/b' })).toBe(expected)
    })
  })

cases('text functions', [
  ['{{ ToLower .s }}|{{ ToUpper .s }}|{{ upper "é" }}', 'hello, wörld|HELLO, WÖRLD|É'],
  ['{{ Replace .s "l" "L" 2 }}|{{ .s | replace "l" "" }}', 'HeLLo, Wörld|Heo, Wörd'],
  ['{{ Trim "xxaxx" "x" }}|{{ TrimLeft "xxax" "x" }}|{{ TrimRight "xax" "x" }}|{{ TrimPrefix "pre-x" "pre-" }}|{{ TrimSuffix "x.go" ".go" }}|{{ TrimSpace " a " }}', 'a|ax|xa|x|x|a'],
  ['{{ trim " a " }}|{{ trimAll "$" "$5$" }}|{{ trimPrefix "-" "-5" }}|{{ trimSuffix "-" "5-" }}', 'a|5|5|5'],
  ['{{ regexReplaceAll "(o)(.)" .s "$2${1}" }}|{{ regexReplaceAllLiteral "l+" .s "$1" }}|{{ count "l" .s }}', 'Hell,o Wörld|He$1o, Wör$1d|3'],
  ['{{ trunc 3 "abcdef" }}|{{ trunc -2 "abcdef" }}|{{ trunc 9 "ab" }}|{{ substr 1 3 "abcdef" }}|{{ substr -1 2 "abc" }}|{{ substr 1 -1 "abc" }}', 'abc|ef|ab|bc|ab|bc'],
  ['{{ contains "ell" .s }} {{ hasPrefix "H" .s }} {{ hasSuffix "x" .s }}', 'true true false'],
  ['{{ indent 2 "a\\nb" }}|{{ nindent 1 "x" }}', '  a\n  b|\n x'],
  ['{{ repeat 3 "ab" }}|{{ title "hello wörld o\'x" }}|{{ lower "ABC" }}', "ababab|Hello Wörld O'x|abc"],
  ['{{ b64enc "héllo" }}|{{ b64dec "aGk=" }}|{{ b64dec "a*" }}', 'aMOpbGxv|hi|illegal base64 data at input byte 1'],
  ['{{ urlencode "a b/ü!" }}|{{ urldecode "a+b%2F%C3%BC" }}', 'a+b%2F%C3%BC%21|a b/ü'],
  ['{{ alignLeft 4 "ab" }}|{{ alignRight 4 "ab" }}|{{ alignLeft 1 "ab" }}|{{ alignRight 1 "ab" }}', 'ab  |  ab|a|b'],
  ['{{ len .s }}|{{ slice .s 0 5 }}|{{ slice .s 7 }}|{{ index "abc" 1 }}', '13|Hello|Wörld|98'],
  ['{{ html "<a&\\"b\\">" }}|{{ js "it\'s" }}|{{ urlquery "a b" }}', "&lt;a&amp;&#34;b&#34;&gt;|it\\'s|a+b"],
])

cases('numbers', [
  ['{{ add 1 .n 2.9 }} {{ sub 5 7 }} {{ mul 2 3 "4" }} {{ div 7 2 }} {{ mod 7 3 }} {{ mod -7 3 }}', '45 -2 24 3 1 -1'],
  ['{{ addf 0.1 0.2 }} {{ subf 1 0.9 }} {{ mulf 1.1 1.1 }} {{ divf 1 3 }} {{ divf 10 4 }}', '0.3 0.1 1.21 0.3333333333333333 2.5'],
  ['{{ max 1 9 3 }} {{ min 4 2 }} {{ maxf 1.5 2 }} {{ minf 1.5 2 }}', '9 2 2 1.5'],
  ['{{ ceil 1.2 }} {{ floor -1.2 }} {{ round 2.345 2 }} {{ round 2.5 0 }} {{ round 2.4 0 0.3 }}', '2 -2 2.35 3 3'],
  ['{{ int "0x1f" }} {{ int "3.9" }} {{ int "x" }} {{ int 3.9 }} {{ float64 .f }} {{ float64 "x" }}', '31 0 0 3 3.7 0'],
  ['{{ bytes "1.5KiB" }} {{ bytes "2MB" }} {{ duration "1m30s" }} {{ duration_seconds "250ms" }}', '1536 2e+06 90 0.25'],
  ['{{ 1000000.5 }} {{ 0.00001 }} {{ 123456789.0 }} {{ 1.0 }}', '1.0000005e+06 1e-05 1.23456789e+08 1'],
  ['{{ lt 1 2 }} {{ le 2 2 }} {{ gt "b" "a" }} {{ ge 1.5 1.5 }} {{ ne 1 2 }} {{ eq 3 1 2 3 }}', 'true true true true true true'],
])

cases('times', [
  ['{{ unixToTime "1793491200" | date "2006-01-02T15:04:05Z07:00" }}', '2026-11-01T00:00:00Z'],
  ['{{ unixToTime "1793491200123" | unixEpochMillis }} {{ unixToTime "1793491200123456" | unixEpochNanos }} {{ unixToTime "20758" | unixEpoch }}', '1793491200123 1793491200123456000 1793491200'],
  ['{{ __timestamp__ | date "Mon Jan _2 2006 03:04:05.000 PM MST" }}', 'Sun Nov  1 2026 12:00:00.000 AM UTC'],
  ['{{ __timestamp__.Unix }} {{ __timestamp__.Year }} {{ unixEpoch __timestamp__ }}', '1793491200 2026 1793491200'],
  ['{{ toDate "2006-01-02" "2026-11-01" | unixEpoch }} {{ toDate "2006-01-02" "nonsense" | unixEpoch }}', '1793491200 -62135596800'],
  ['{{ toDateInZone "2006-01-02 15:04" "Europe/Tallinn" "2026-07-01 12:30" | unixEpoch }}', '1782898200'],
  ['{{ toDateInZone "Jan 2, 2006 at 3:04pm (MST)" "UTC" "Feb 3, 2013 at 7:54pm (PST)" | date "2006-01-02 15:04:05.999 -0700" }}', '2013-02-03 19:54:00 +0000'],
  ['{{ now | unixEpoch }} {{ date "2006" 0 }}', '1793500000 1970'],
  ['{{ unixToTime "x" }}', `template: line:1:3: executing "line" at <unixToTime "x">: error calling unixToTime: unable to parse time 'x': strconv.ParseInt: parsing "x": invalid syntax`],
])

cases('printf', [
  ['{{ printf "%5d|%-5d|%05d|%+d|%x|%X|%o|%b|%c" 42 42 42 42 255 255 8 5 65 }}', '   42|42   |00042|+42|ff|FF|10|101|A'],
  ['{{ printf "%s|%q|%10s|%-6s|%.2s|%x|% d" "a" "b\\"" "c" "d" "efg" "hi" 7 }}', 'a|"b\\""|         c|d     |ef|6869| 7'],
  ['{{ printf "%f|%.1f|%8.3f|%e|%g|%v|%t" 1.5 2.25 3.14159 1234.5 0.1 true false }}', '1.500000|2.2|   3.142|1.234500e+03|0.1|true|false'],
  ['{{ printf "%d%%" 5 }}|{{ printf "%d" "x" }}|{{ printf "%s" 5 }}|{{ printf "%d" }}|{{ printf "x" 1 }}|{{ printf "%" }}', '5%|%!d(string=x)|%!s(int=5)|%!d(MISSING)|x%!(EXTRA int=1)|%!(NOVERB)'],
  ['{{ printf "%v %T %s" (fromJson `[1,"a",null]`) 1.5 (fromJson `["x","y"]`) }}', '[1 a <nil>] float64 [x y]'],
  ['{{ print 1 2 "a" 3 }}|{{ println "a" 1 }}', '1 2a3|a 1\n'],
])

cases('logic and data', [
  ['{{ and 1 0 2 }} {{ or 0 "" "x" }} {{ not 1 }} {{ and true .none }}|', '0 x false |'],
  ['{{ default "d" "" }} {{ default "d" .n }} {{ .none | default "e" }} {{ default 5 0 }}', 'd 42 e 5'],
  ['{{ (fromJson `{"a":null}`).a }} {{ (fromJson `{}`).b }} {{ fromJson "x" }} {{ (fromJson `{"a b":1}`) | len }}', '<no value> <no value> <no value> 1'],
  ['{{ index . "n" }} {{ index (fromJson `{"a b":[1,2]}`) "a b" 1 }} {{ .__error__ }}|', '42 2 |'],
  ['{{ . }}', 'map[app:x f:3.7 n:42 p:/a/b s:Hello, Wörld]'],
])
