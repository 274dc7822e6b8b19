/**
 * Runs a parsed template over the labels of a row. Errors read as Go's: place, what was executing, the node. Bounded by a `Budget`; keeps nothing between
 * rows.
 */
import { goQuote } from '../go-text.ts'
import { type Budget, CALL_DEPTH_MAX } from './budget.ts'
import type { CallContext, Kind, TemplateFunction } from './function.ts'
import { functionOf } from './functions.ts'
import { type Command, commandText, type Node, type Operand, operandText, type Pipe, type Positioned, type Template } from './nodes.ts'
import { isGoTime } from './time.ts'
import { timeMethod } from './time-methods.ts'
import { type GoValue, isLabelMap, isList, isMap, isTrue, plainText, sortedEntries, TemplateError, typeName } from './values.ts'

/** Message as `__error_details__` shows it. */
export class ExecutionError extends Error {}

type Signal = 'break' | 'continue' | null
/** No value came down the pipe: nil is a value. */
const NOTHING = Symbol('nothing')
type Final = GoValue | typeof NOTHING

interface Variable {
  readonly name: string
  value: GoValue
}

export function executeTemplate(template: Template, data: GoValue, context: CallContext): string {
  return new Execution(template, data, context).run()
}

class Execution {
  readonly #template: Template
  readonly #context: CallContext
  readonly #budget: Budget
  readonly #data: GoValue
  #executing: string
  #variables: Variable[]
  #depth = 0
  #out = ''

  constructor(template: Template, data: GoValue, context: CallContext) {
    this.#template = template
    this.#context = context
    this.#budget = context.budget
    this.#data = data
    this.#executing = template.name
    this.#variables = [{ name: '$', value: data }]
  }

  run(): string {
    this.#list(this.#data, this.#template.root)
    return this.#out
  }

  // ---- nodes

  #list(dot: GoValue, nodes: ReadonlyArray<Node>): Signal {
    for (const node of nodes) {
      const signal = this.#node(dot, node)
      if (signal !== null) return signal
    }
    return null
  }

  #node(dot: GoValue, node: Node): Signal {
    this.#guard(node, '', () => this.#budget.step())
    switch (node.kind) {
      case 'text': return this.#write(node.text, node)
      case 'action': {
        const value = this.#pipe(dot, node.pipe)
        return node.pipe.declares.length === 0 ? this.#write(value === null ? '<no value>' : plainText(value), node) : null
      }
      case 'if': case 'with': return this.#branch(dot, node)
      case 'range': return this.#range(dot, node)
      case 'template': return this.#call(dot, node)
      case 'break': case 'continue': return node.kind
    }
  }

  #write(text: string, node: Positioned): null {
    this.#guard(node, text, () => this.#budget.bytes(text.length))
    this.#out += text
    return null
  }

  #branch(dot: GoValue, node: Node & { kind: 'if' | 'with' | 'range' }): Signal {
    const mark = this.#variables.length
    const value = this.#pipe(dot, node.pipe)
    const inner = node.kind === 'with' ? value : dot
    const signal = isTrue(value) ? this.#list(inner, node.body) : this.#list(dot, node.otherwise)
    this.#variables.length = mark
    return signal
  }

  #range(dot: GoValue, node: Node & { kind: 'if' | 'with' | 'range' }): Signal {
    const mark = this.#variables.length
    const over = this.#pipe(dot, { ...node.pipe, declares: [] })
    const items = this.#items(over, node)
    let signal: Signal = null
    for (const [key, value] of items) {
      this.#guard(node, '', () => this.#budget.step())
      this.#variables.length = mark
      this.#bind(node.pipe, key, value, isNumber(over))
      if (this.#list(value, node.body) === 'break') break
    }
    this.#variables.length = mark
    if (items.length === 0) signal = this.#list(dot, node.otherwise)
    return signal
  }

  #items(over: GoValue, node: Node & { kind: 'if' | 'with' | 'range' }): ReadonlyArray<readonly [GoValue, GoValue]> {
    if (over === null) return []
    if (isList(over)) return over.map((value, i) => [BigInt(i), value])
    if (isMap(over) || isLabelMap(over)) return sortedEntries(over)
    if (typeof over === 'bigint') {
      this.#guard(node, '', () => this.#budget.step(Number(over > 0n ? over : 0n)))
      return Array.from({ length: Number(over > 0n ? over : 0n) }, (_, i) => [BigInt(i), BigInt(i)])
    }
    return this.#fail(node.pipe.commands[0]!, commandText(node.pipe.commands[0]!), `range can't iterate over ${plainText(over)}`)
  }

  #bind({ declares, assigns }: Pipe, key: GoValue, value: GoValue, number: boolean): void {
    const values = declares.length === 1 ? [number ? key : value] : [key, value]
    for (const [i, name] of declares.entries()) this.#setVariable(name, values[i]!, assigns)
  }

  #call(dot: GoValue, node: Node & { kind: 'template' }): Signal {
    const nodes = this.#template.defined.get(node.name) ?? (node.name === this.#template.name ? this.#template.root : undefined)
    const shown = `{{template ${goQuote(node.name)}}}`
    if (nodes === undefined) return this.#fail(node, shown, `template ${goQuote(node.name)} not defined`)
    if (this.#depth >= CALL_DEPTH_MAX) return this.#fail(node, shown, `exceeded maximum template depth (${CALL_DEPTH_MAX})`)
    const data = node.pipe === null ? null : this.#pipe(dot, node.pipe)
    const outer = { variables: this.#variables, executing: this.#executing }
    this.#variables = [{ name: '$', value: data }]
    this.#executing = node.name
    this.#depth++
    this.#list(data, nodes)
    this.#depth--
    this.#variables = outer.variables
    this.#executing = outer.executing
    return null
  }

  // ---- pipelines

  #pipe(dot: GoValue, pipe: Pipe): GoValue {
    let value: Final = NOTHING
    for (const command of pipe.commands) value = this.#command(dot, command, value)
    const result = value === NOTHING ? null : value
    for (const name of pipe.declares) this.#setVariable(name, result, pipe.assigns)
    return result
  }

  #setVariable(name: string, value: GoValue, assigns: boolean): void {
    const known = assigns ? this.#variables.findLast((variable) => variable.name === name) : undefined
    if (known === undefined) this.#variables.push({ name, value })
    else known.value = value
  }

  #command(dot: GoValue, command: Command, final: Final): GoValue {
    this.#guard(command, '', () => this.#budget.step())
    const [first, ...rest] = command.args
    if (first === undefined) throw new Error('template: empty command')
    if (first.kind === 'function') return this.#function(dot, first, command, final)
    const hasArgs = rest.length > 0 || final !== NOTHING
    switch (first.kind) {
      case 'field': return this.#fields(dot, first.names, first, hasArgs)
      case 'chain': return this.#fields(this.#operand(dot, first.node), first.names, first, hasArgs)
      case 'variable': return this.#fields(this.#variable(first.name), first.names, first, hasArgs)
      case 'nil': return this.#fail(first, 'nil', 'nil is not a command')
      default:
        if (hasArgs) return this.#fail(first, operandText(first), `can't give argument to non-function ${operandText(first)}`)
        return this.#operand(dot, first)
    }
  }

  #operand(dot: GoValue, node: Operand): GoValue {
    switch (node.kind) {
      case 'dot': return dot
      case 'nil': return null
      case 'bool': case 'string': return node.value
      case 'number': return node.int !== null && !/[.eEpP]/.test(node.text.replace(/^[+-]?0[xX].*/, '')) ? node.int : node.float
      case 'field': return this.#fields(dot, node.names, node, false)
      case 'chain': return this.#fields(this.#operand(dot, node.node), node.names, node, false)
      case 'variable': return this.#fields(this.#variable(node.name), node.names, node, false)
      case 'pipe': return this.#pipe(dot, node)
      case 'function': return this.#function(dot, node, { at: node.at, args: [node] }, NOTHING)
    }
  }

  #variable(name: string): GoValue {
    return this.#variables.findLast((variable) => variable.name === name)?.value ?? null
  }

  #fields(receiver: GoValue, names: ReadonlyArray<string>, node: Operand, hasArgs: boolean): GoValue {
    let value = receiver
    for (const name of names) value = this.#field(value, name, node)
    if (hasArgs && names.length > 0) return this.#fail(node, operandText(node), `${names.at(-1)} is not a method but has arguments`)
    if (hasArgs) return this.#fail(node, operandText(node), `can't give argument to non-function ${operandText(node)}`)
    return value
  }

  #field(receiver: GoValue, name: string, node: Operand): GoValue {
    if (receiver === null) return null
    if (isLabelMap(receiver)) return receiver.get(name) ?? ''
    if (isMap(receiver)) return receiver.get(name) ?? null
    if (isGoTime(receiver)) {
      const value = timeMethod(receiver, name)
      if (value !== undefined) return value
    }
    return this.#fail(node, operandText(node), `can't evaluate field ${name} in type ${typeName(receiver)}`)
  }

  // ---- functions

  #function(dot: GoValue, node: Operand & { kind: 'function' }, command: Command, final: Final): GoValue {
    const { name } = node
    if (name === 'and' || name === 'or') return this.#logic(dot, node, command, final)
    if (name === 'call') return this.#fail(command, commandText(command), 'error calling call: non-function of type string')
    const known = functionOf(name)
    if (known === undefined) throw new Error(`template: no function ${name}`)
    const operands = command.args.slice(1)
    this.#checkCount(known, node, operands.length + (final === NOTHING ? 0 : 1))
    const values = operands.map((operand, i) => this.#argument(dot, operand, kindOf(known, i)))
    if (final !== NOTHING) values.push(this.#checked(final, kindOf(known, values.length), node, name))
    return this.#guard(command, commandText(command), () => this.#charged(known, values), name)
  }

  /** What goes into a function and what comes out is paid for. */
  #charged(known: TemplateFunction, values: ReadonlyArray<GoValue>): GoValue {
    for (const value of values) if (typeof value === 'string') this.#budget.bytes(value.length)
    const result = known.call(values, this.#context)
    if (typeof result === 'string') this.#budget.bytes(result.length)
    return result
  }

  #checkCount(known: TemplateFunction, node: Operand & { kind: 'function' }, count: number): void {
    const wanted = known.parameters.length
    if (count === wanted || (known.rest !== undefined && count > wanted)) return
    this.#fail(node, node.name, `wrong number of args for ${node.name}: want ${known.rest === undefined ? '' : 'at least '}${wanted} got ${count}`)
  }

  #argument(dot: GoValue, operand: Operand, kind: Kind): GoValue {
    if (kind === 'any') return this.#operand(dot, operand)
    if (operand.kind === 'number' && kind === 'int') return operand.int ?? this.#expected('integer', operand)
    if (operand.kind === 'number' && kind === 'float') return operand.float
    if (operand.kind === 'nil') return this.#fail(operand, 'nil', `cannot assign nil to ${GO_NAMES[kind]}`)
    if ((operand.kind === 'number' || operand.kind === 'bool') && kind === 'string') return this.#expected('string', operand)
    if ((operand.kind === 'string' || operand.kind === 'bool') && kind !== 'string') return this.#expected(kind === 'int' ? 'integer' : kind, operand)
    return this.#checked(this.#operand(dot, operand), kind, operand, operandText(operand))
  }

  #expected(what: string, operand: Operand): never {
    return this.#fail(operand, operandText(operand), `expected ${what}; found ${operandText(operand)}`)
  }

  #checked(value: GoValue, kind: Kind, node: Positioned, shown: string): GoValue {
    if (kind === 'any') return value
    const fits = kind === 'string' ? typeof value === 'string' : kind === 'int' ? typeof value === 'bigint' : kind === 'float' ? typeof value === 'number' : isGoTime(value)
    if (fits) return value
    if (value === null) return this.#fail(node, shown, `invalid value; expected ${GO_NAMES[kind]}`)
    return this.#fail(node, shown, `wrong type for value; expected ${GO_NAMES[kind]}; got ${typeName(value)}`)
  }

  #logic(dot: GoValue, node: Operand & { kind: 'function' }, command: Command, final: Final): GoValue {
    const stopsAt = node.name === 'or'
    const operands = command.args.slice(1)
    if (operands.length === 0 && final === NOTHING) return this.#fail(node, node.name, `wrong number of args for ${node.name}: want at least 1 got 0`)
    let value: GoValue = null
    for (const operand of operands) {
      value = this.#operand(dot, operand)
      if (isTrue(value) === stopsAt) return value
    }
    return final === NOTHING ? value : final
  }

  // ---- errors

  /** Runs what may throw TemplateError and says where it happened. */
  #guard<T>(node: Positioned, shown: string, run: () => T, calling = ''): T {
    try {
      return run()
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      return this.#fail(node, shown, calling === '' ? error.message : `error calling ${calling}: ${error.message}`)
    }
  }

  #fail(node: Positioned, shown: string, message: string): never {
    const before = this.#template.text.slice(0, node.at)
    const line = before.split('\n').length
    const column = Buffer.byteLength(before.slice(before.lastIndexOf('\n') + 1))
    const where = shown === '' ? '' : ` at <${shown}>`
    throw new ExecutionError(`template: ${this.#template.name}:${line}:${column}: executing ${goQuote(this.#executing)}${where}: ${message}`)
  }
}

const isNumber = (value: GoValue): boolean => typeof value === 'bigint'
const kindOf = ({ parameters, rest }: TemplateFunction, i: number): Kind => parameters[i] ?? rest ?? 'any'
const GO_NAMES: Readonly<Record<Kind, string>> = { string: 'string', int: 'int', float: 'float64', time: 'time.Time', any: 'interface {}' }
