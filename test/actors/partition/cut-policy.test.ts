import { describe, expect, it } from 'vitest'
import { cutReason, type CutSettings, type HeadFacts } from '../../../actors/partition/cut-policy.ts'

const settings: CutSettings = { segmentBytesTarget: 1_000, ageMsMax: 500, idleMsMax: 100 }
const head = (facts: Partial<HeadFacts>): HeadFacts => ({ rowCount: 1, rawBytes: 10, heldBytes: 10, firstAppendMs: 1_000, lastAppendMs: 1_000, ...facts })

describe('cutReason', () => {
  it.each([
    ['nothing to cut', head({ rowCount: 0, rawBytes: 0 }), 9_999, true, null],
    ['young and small', head({}), 1_050, false, null],
    ['full', head({ rawBytes: 1_000 }), 1_000, false, 'full'],
    ['full outranks memory', head({ rawBytes: 2_000 }), 1_000, true, 'full'],
    ['memory pressure (W4)', head({}), 1_001, true, 'memory'],
    ['old although still written to', head({ lastAppendMs: 1_499 }), 1_500, false, 'max_age'],
    ['idle', head({}), 1_100, false, 'idle'],
  ] as const)('%s', (_name, facts, nowMs, overMemory, expected) => {
    expect(cutReason(facts, settings, nowMs, overMemory)).toBe(expected)
  })
})
