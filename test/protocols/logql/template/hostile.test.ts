/** Templates come from whoever may query: each must end at once, with an error that names the limit, or be refused. */
import { describe, expect, it } from 'vitest'
import { withCpuMs } from '../../../support/cpu-time.ts'
import { refusal, render } from './render.ts'

/** A stall of the event loop that nobody notices; generous for a busy machine, where the work itself takes a few milliseconds. */
const STALL_MS_MAX = 250

function timed(run: () => string): string {
  const { result, cpuMs } = withCpuMs(run)
  expect(cpuMs).toBeLessThan(STALL_MS_MAX)
  return result
}

const STEPS = 'template runs for more than 100000 steps a line'
const BYTES = 'template makes more than 8388608 bytes a line'

describe('hostile templates', () => {
  it.each([
    ['{{ repeat 1000000000 "x" }}', BYTES],
    ['{{ repeat 9223372036854775807 "x" }}', BYTES],
    ['{{ printf "%900000000d" 1 }}', '%!(NOVERB)'],
    [`{{ printf "${'%999999d'.repeat(9)}" 1 1 1 1 1 1 1 1 1 }}`, BYTES],
    ['{{ printf "%*d" 99999999 1 }}', '%!(BADWIDTH)'],
    ['{{ printf "%.999999999f" 1.5 }}', '%!(NOVERB)'],
    ['{{ alignLeft 999999999 "x" }}', BYTES],
    ['{{ indent 999999999 "x" }}', BYTES],
    ['{{ range 1000000000 }}x{{ end }}', STEPS],
    ['{{ range $a := (fromJson .j) }}{{ range $b := (fromJson $.j) }}{{ range $c := (fromJson $.j) }}x{{ end }}{{ end }}{{ end }}', STEPS],
    ['{{ define "T" }}{{ template "T" . }}{{ end }}{{ template "T" . }}', 'exceeded maximum template depth (100)'],
    ['{{ define "T" }}{{ template "T" . }}{{ template "T" . }}{{ end }}{{ template "T" . }}', 'exceeded maximum template depth (100)'],
    ['{{ define "A" }}{{ range 10 }}{{ template "B" . }}{{ end }}{{ end }}{{ define "B" }}{{ range 10 }}{{ template "A" . }}{{ end }}{{ end }}{{ template "A" . }}', 'exceeded maximum template depth (100)'],
    ['{{ $x := repeat 100000 "x" }}{{ range 1000 }}{{ $x = print $x $x }}{{ end }}', BYTES],
    ['{{ $x := repeat 2000000 "x" }}{{ replace "x" "xxxxxxxxxx" $x }}', BYTES],
    ['{{ $x := repeat 2000000 "x" }}{{ regexReplaceAll "x" $x "yyyyyyyyyy" }}', STEPS],
    ['{{ regexReplaceAll "(a+)+$" (repeat 30000 "a") "b" }}', 'b'],
    ['{{ addf 1e308 1e-308 }}', '1e+308'],
    ['{{ mulf 1e308 1e308 }}', '+Inf'],
    ['{{ divf 1 0 }}', 'decimal division by 0'],
    ['{{ unixToTime "9999999999999999999" }}', '2286'],
    ['{{ date "2006" 9223372036854775807 }}', ''],
  ])('%s', (template, expected) => {
    const shown = timed(() => render(template, { j: JSON.stringify(Array.from({ length: 200 }, (_, i) => i)) }))
    expect(shown.slice(0, 500)).toContain(expected)
  })

  it('refuses nesting that would exhaust the stack, and texts that are too long', () => {
    expect(timed(() => refusal(`{{ ${'('.repeat(5000)}`))).toMatch(/nested deeper than 100|unclosed action/)
    expect(timed(() => refusal(`${'{{ if true }}'.repeat(500)}${'{{ end }}'.repeat(500)}`))).toContain('nested deeper than 100')
    expect(timed(() => refusal('x'.repeat(100_000)))).toContain('template is longer than 65536 bytes')
    expect(timed(() => render('{{ fromJson .j }}', { j: '['.repeat(50_000) }))).toBe('<no value>')
  })
})
