/** Values of options that the subcommands share. Each throws `UsageError` naming the option, the value and what was expected. */
import { UsageError } from './command.ts'

export function oneOf<const V extends string>(allowed: ReadonlyArray<V>, value: string, option: string): V {
  const found = allowed.find((one) => one === value)
  if (found === undefined) throw new UsageError(`--${option} is ${value}; one of ${allowed.join(', ')} expected`)
  return found
}

export function wholeNumber(text: string, option: string): number {
  const n = Number(text)
  if (!Number.isSafeInteger(n) || n < 0) throw new UsageError(`--${option} is ${text}; a whole number expected`)
  return n
}
