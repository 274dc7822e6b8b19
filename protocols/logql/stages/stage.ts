/** What an operator of the pipeline is once compiled: a function over the state of one row. */
import type { LineState } from '../line-state.ts'

/** False drops the row. */
export type RowStage = (state: LineState) => boolean

/** An operator's value cannot be used; the compiler names the operator in front of the message. */
export class StageError extends Error {}
