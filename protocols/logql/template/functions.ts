/** Every function that templates may call, by name. */
import type { TemplateFunction } from './function.ts'
import { BUILTIN_FUNCTIONS } from './functions-builtin.ts'
import { MATH_FUNCTIONS } from './functions-math.ts'
import { TEXT_FUNCTIONS } from './functions-text.ts'
import { TIME_FUNCTIONS } from './functions-time.ts'
import { fn } from './function.ts'
import { goTime } from './time.ts'

const ROW_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  __line__: fn([], (_args, context) => context.line()),
  __timestamp__: fn([], (_args, context) => goTime(context.timestampNs())),
}

const FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map(
  [BUILTIN_FUNCTIONS, TEXT_FUNCTIONS, MATH_FUNCTIONS, TIME_FUNCTIONS, ROW_FUNCTIONS].flatMap((functions) => Object.entries(functions)),
)
/** Functions that the evaluator runs itself: they do not look at all their arguments. */
const SPECIAL: ReadonlySet<string> = new Set(['and', 'or'])

export const isFunctionName = (name: string): boolean => FUNCTIONS.has(name) || SPECIAL.has(name)
export const functionOf = (name: string): TemplateFunction | undefined => FUNCTIONS.get(name)
