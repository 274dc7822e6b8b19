/**
 * `| decolorize`
 *
 * Takes ANSI colour and cursor sequences out of the line.
 */
import type { RowStage } from './stage.ts'

const ESCAPE = 0x1b
// oxlint-disable-next-line no-control-regex
const SEQUENCE = /[\u001b\u009b][[\]()#;?]*(?:(?:(?:[a-zA-Z\d]*(?:;[a-zA-Z\d]*)*)?\u0007)|(?:(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PRZcf-ntqry=><~]))/g

export function compileDecolorize(): RowStage {
  return (state) => {
    for (let i = state.start; i < state.end; i++) {
      const c = state.buffer[i]!
      if (c === ESCAPE || c === 0xc2) {
        state.setLine(state.lineText().replace(SEQUENCE, ''))
        break
      }
    }
    return true
  }
}
