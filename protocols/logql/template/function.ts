/** What a template function is: parameters by Go type, checked before the call by the evaluator. */
import type { Budget } from './budget.ts'
import type { GoValue } from './values.ts'

/** `any` is Go's `interface {}`. */
export type Kind = 'string' | 'int' | 'float' | 'time' | 'any'

/** What a call can reach besides its arguments. */
export interface CallContext {
  readonly budget: Budget
  /** Unix nanoseconds. */
  readonly nowNs: bigint
  line(): string
  timestampNs(): bigint
}

export interface TemplateFunction {
  readonly parameters: ReadonlyArray<Kind>
  /** Kind of any further arguments. */
  readonly rest?: Kind
  call(args: ReadonlyArray<GoValue>, context: CallContext): GoValue
}

export const fn = (parameters: ReadonlyArray<Kind>, call: TemplateFunction['call'], rest?: Kind): TemplateFunction =>
  rest === undefined ? { parameters, call } : { parameters, call, rest }

/** A function of strings. */
export const text = (count: number, call: (args: ReadonlyArray<string>, context: CallContext) => GoValue): TemplateFunction =>
  fn(Array.from({ length: count }, () => 'string'), (args, context) => call(args as ReadonlyArray<string>, context))
