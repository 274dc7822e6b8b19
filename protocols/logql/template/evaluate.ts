/**
 * Runs a parsed template over the labels of a row. Errors read as Go's: place, what was executing, the node. Bounded by a `Budget`; keeps nothing between
 * rows.
 */
import { goQuote } from '../go-text.ts'
import { type Budget, CALL_DEPTH_MAX } from './budget.ts'
import type { CallContext, Kind, TemplateFunction } from './function.ts'
import { functionOf } from './functions.ts'
import { type Command, commandText, type Node, type Operand, operandText, type Pipe, pipeText, type Positioned, type Template } from './nodes.ts'
import { isGoTime } from './time.ts'
import { timeMethod } from './time-methods.ts'
import { type GoValue, integerOf, isLabelMap, isList, isMap, isTrue, plainText, sortedEntries, TemplateError, typeName } from './values.ts'

/** Message as `__error_details__` shows it. */
export class ExecutionError extends Error {}

type Signal = 'break' | 'continue' | null
/** No value came down the pipe: nil is a value. */
const NOTHING = Symbol('nothing')
type Final = GoValue | typeof NOTHING

interface Place {
  readonly node: Positioned
  readonly shown: () => string
}

/** Of a place that errors do not name. */
const NOWHERE = (): string => ''
const START: Place = { node: { at: 0 }, shown: NOWHERE }

/** A field or method that is asked for, with what it is given. */
interface Access {
  readonly node: Operand
  readonly dot: GoValue
  readonly operands: ReadonlyArray<Operand>
  readonly final: Final
}

interface Call {
  /** Of the call, for errors in it. */
  readonly node: Positioned
  readonly shown: () => string
  readonly name: string
  readonly operands: ReadonlyArray<Operand>
  readonly final: Final
}

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
  /** The node that was looked at last, and its text: what Go's errors name. A nested one stays after it has its value. */
  #place: Place = START

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

  #at(node: Positioned, shown: () => string): void {
    this.#place = { node, shown }
  }

  #atOperand(operand: Operand): void {
    this.#at(operand, () => operandText(operand))
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
    this.#at(node, NOWHERE)
    this.#guard(() => this.#budget.step())
    switch (node.kind) {
      case 'text': return this.#write(node.text)
      case 'action': {
        const value = this.#pipe(dot, node.pipe)
        return node.pipe.declares.length === 0 ? this.#write(value === null ? '<no value>' : plainText(value)) : null
      }
      case 'if': case 'with': return this.#branch(dot, node)
      case 'range': return this.#range(dot, node)
      case 'template': return this.#call(dot, node)
      case 'break': case 'continue': return node.kind
    }
  }

  #write(text: string): null {
    this.#guard(() => this.#budget.bytes(text.length))
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
    const items = this.#items(over)
    let signal: Signal = null
    for (const [key, value] of items) {
      this.#guard(() => this.#budget.step())
      this.#variables.length = mark
      this.#bind(node.pipe, key, value, integerOf(over) !== null)
      if (this.#list(value, node.body) === 'break') break
    }
    this.#variables.length = mark
    if (items.length === 0) signal = this.#list(dot, node.otherwise)
    return signal
  }

  #items(over: GoValue): ReadonlyArray<readonly [GoValue, GoValue]> {
    if (over === null) return []
    if (isList(over)) return over.map((value, i) => [BigInt(i), value])
    if (isMap(over) || isLabelMap(over)) return sortedEntries(over)
    const count = integerOf(over)
    if (count !== null) {
      this.#guard(() => this.#budget.step(Number(count > 0n ? count : 0n)))
      return Array.from({ length: Number(count > 0n ? count : 0n) }, (_, i) => [BigInt(i), BigInt(i)])
    }
    return this.#fail(`range can't iterate over ${plainText(over)}`)
  }

  #bind({ declares, assigns }: Pipe, key: GoValue, value: GoValue, number: boolean): void {
    const values = declares.length === 1 ? [number ? key : value] : [key, value]
    for (const [i, name] of declares.entries()) this.#setVariable(name, values[i]!, assigns)
  }

  #call(dot: GoValue, node: Node & { kind: 'template' }): Signal {
    const nodes = this.#template.defined.get(node.name) ?? (node.name === this.#template.name ? this.#template.root : undefined)
    this.#at(node, () => `{{template ${goQuote(node.name)}${node.pipe === null ? '' : ` ${pipeText(node.pipe)}`}}}`)
    if (nodes === undefined) return this.#fail(`template ${goQuote(node.name)} not defined`)
    if (this.#depth >= CALL_DEPTH_MAX) return this.#fail(`exceeded maximum template depth (${CALL_DEPTH_MAX})`)
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
    this.#at(pipe, () => pipeText(pipe))
    for (const command of pipe.commands) value = this.#command(dot, command, value)
    const result = value === NOTHING ? null : value
    for (const name of pipe.declares) this.#setVariable(name, result, pipe.assigns)
    return result
  }

  #setVariable(name: string, value: GoValue, assigns: boolean): void {
    const known = assigns ? this.#variables.findLast((variable) => variable.name === name) : undefined
    if (known !== undefined) known.value = value
    else if (assigns) this.#fail(`undefined variable: ${name}`)
    else this.#variables.push({ name, value })
  }

  #command(dot: GoValue, command: Command, final: Final): GoValue {
    const [first, ...rest] = command.args
    if (first === undefined) throw new Error('template: empty command')
    const hasArgs = rest.length > 0 || final !== NOTHING
    if (first.kind !== 'pipe') this.#atOperand(first)
    this.#guard(() => this.#budget.step())
    switch (first.kind) {
      case 'function': return this.#function(dot, first, command, rest, final)
      case 'field': return this.#fields(dot, first.names, { node: first, dot, operands: rest, final })
      case 'chain': return this.#fields(this.#chained(dot, first), first.names, { node: first, dot, operands: rest, final })
      case 'variable':
        if (first.names.length === 0 && hasArgs) return this.#fail(`can't give argument to non-function ${operandText(first)}`)
        return this.#fields(this.#variable(first.name), first.names, { node: first, dot, operands: rest, final })
      case 'nil': return this.#fail('nil is not a command')
      default:
        if (hasArgs) return this.#fail(`can't give argument to non-function ${first.kind === 'pipe' ? pipeText(first) : operandText(first)}`)
        return this.#operand(dot, first)
    }
  }

  /** An argument of no particular type. */
  #operand(dot: GoValue, node: Operand): GoValue {
    this.#atOperand(node)
    switch (node.kind) {
      case 'dot': return dot
      case 'nil': return null
      case 'bool': case 'string': return node.value
      case 'number': return this.#number(node)
      case 'field': return this.#fields(dot, node.names, { node, dot, operands: [], final: NOTHING })
      case 'chain': return this.#fields(this.#chained(dot, node), node.names, { node, dot, operands: [], final: NOTHING })
      case 'variable': return this.#fields(this.#variable(node.name), node.names, { node, dot, operands: [], final: NOTHING })
      case 'pipe': return this.#pipe(dot, node)
      case 'function': return this.#function(dot, node, { at: node.at, args: [node] }, [], NOTHING)
    }
  }

  #number(node: Operand & { kind: 'number' }): GoValue {
    if (/[.eEpP]/.test(node.text.replace(/^[+-]?0[xX].*|^'.*/, ''))) return node.float
    return node.int ?? this.#fail(`${node.text} overflows int`)
  }

  #chained(dot: GoValue, chain: Operand & { kind: 'chain' }): GoValue {
    this.#atOperand(chain.node)
    return this.#operand(dot, chain.node)
  }

  #variable(name: string): GoValue {
    const found = this.#variables.findLast((variable) => variable.name === name)
    return found === undefined ? this.#fail(`undefined variable: ${name}`) : found.value
  }

  #fields(receiver: GoValue, names: ReadonlyArray<string>, access: Access): GoValue {
    let value = receiver
    let type = typeName(receiver)
    for (const [i, name] of names.entries()) {
      const next = this.#field(value, type, name, i === names.length - 1 ? access : { ...access, operands: [], final: NOTHING })
      type = isMap(value) ? 'interface {}' : typeName(next)
      value = next
    }
    return value
  }

  /** `type`: what the receiver was declared as; what maps of JSON hold is anything. */
  #field(receiver: GoValue, type: string, name: string, access: Access): GoValue {
    if (receiver === null) return type === 'interface {}' ? this.#fail(`nil pointer evaluating ${type}.${name}`) : null
    if (isGoTime(receiver)) {
      const method = timeMethod(name)
      if (method !== undefined) return this.#called(access.dot, { ...method, call: (args) => method.call(receiver, args) }, { ...access, name, shown: () => operandText(access.node) })
    }
    if (isLabelMap(receiver) || isMap(receiver)) {
      if (access.operands.length > 0 || access.final !== NOTHING) return this.#fail(`${name} is not a method but has arguments`)
      return receiver.get(name) ?? (isMap(receiver) ? null : '')
    }
    return this.#fail(`can't evaluate field ${name} in type ${type}`)
  }

  // ---- functions

  #function(dot: GoValue, node: Operand & { kind: 'function' }, command: Command, operands: ReadonlyArray<Operand>, final: Final): GoValue {
    const { name } = node
    this.#atOperand(node)
    if (name === 'and' || name === 'or') return this.#logic(dot, node, operands, final)
    const known = functionOf(name)
    if (known === undefined) throw new Error(`template: no function ${name}`)
    return this.#called(dot, known, { node: command, name, shown: () => commandText(command), operands, final })
  }

  #called(dot: GoValue, known: TemplateFunction, { node, name, shown, operands, final }: Call): GoValue {
    this.#checkCount(known, name, operands.length, final !== NOTHING)
    const values = operands.map((operand, i) => this.#argument(dot, operand, kindOf(known, i)))
    if (final !== NOTHING) values.push(this.#checked(final, kindOf(known, values.length)))
    try {
      return this.#charged(known, values)
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      this.#at(node, shown)
      return this.#fail(`error calling ${name}: ${error.message}`)
    }
  }

  /** What goes into a function and what comes out is paid for. */
  #charged(known: TemplateFunction, values: ReadonlyArray<GoValue>): GoValue {
    for (const value of values) if (typeof value === 'string') this.#budget.bytes(value.length)
    const result = known.call(values, this.#context)
    if (typeof result === 'string') this.#budget.bytes(result.length)
    return result
  }

  #checkCount(known: TemplateFunction, name: string, operands: number, piped: boolean): void {
    const wanted = known.parameters.length
    const count = operands + (piped ? 1 : 0)
    if (count === wanted || (known.rest !== undefined && count > wanted)) return
    this.#fail(`wrong number of args for ${name}: want ${known.rest === undefined ? `${wanted} got ${count}` : `at least ${wanted} got ${operands}`}`)
  }

  #argument(dot: GoValue, operand: Operand, kind: Kind): GoValue {
    this.#atOperand(operand)
    switch (operand.kind) {
      case 'nil': return kind === 'any' ? null : this.#fail(`cannot assign nil to ${GO_NAMES[kind]}`)
      case 'bool': case 'number': case 'string': return this.#constant(operand, kind)
      default: return this.#checked(this.#operand(dot, operand), kind)
    }
  }

  #constant(operand: Operand & { kind: 'bool' | 'number' | 'string' }, kind: Kind): GoValue {
    const expected = (what: string): never => this.#fail(`expected ${what}; found ${operandText(operand)}`)
    switch (kind) {
      case 'any': return operand.kind === 'number' ? this.#number(operand) : operand.value
      case 'string': return operand.kind === 'string' ? operand.value : expected('string')
      case 'int': return operand.kind === 'number' && operand.int !== null ? operand.int : expected('integer')
      case 'float': return operand.kind === 'number' ? operand.float : expected('float')
      case 'time': return this.#fail(`can't handle ${operandText(operand)} for arg of type time.Time`)
    }
  }

  #checked(value: GoValue, kind: Kind): GoValue {
    if (kind === 'any') return value
    const fits = kind === 'string' ? typeof value === 'string' : kind === 'int' ? typeof value === 'bigint' : kind === 'float' ? typeof value === 'number' : isGoTime(value)
    if (fits) return value
    if (value === null) return this.#fail(`invalid value; expected ${GO_NAMES[kind]}`)
    return this.#fail(`wrong type for value; expected ${GO_NAMES[kind]}; got ${typeName(value)}`)
  }

  #logic(dot: GoValue, node: Operand & { kind: 'function' }, operands: ReadonlyArray<Operand>, final: Final): GoValue {
    const stopsAt = node.name === 'or'
    if (operands.length === 0 && final === NOTHING) return this.#fail(`wrong number of args for ${node.name}: want at least 1 got 0`)
    let value: GoValue = null
    for (const operand of operands) {
      value = this.#operand(dot, operand)
      if (isTrue(value) === stopsAt) return value
    }
    return final === NOTHING ? value : final
  }

  // ---- errors

  /** Runs what may throw TemplateError and says where it happened. */
  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      this.#fail(error.message)
    }
  }

  #fail(message: string): never {
    const { node, shown } = this.#place
    const before = this.#template.text.slice(0, node.at)
    const line = before.split('\n').length
    const column = Buffer.byteLength(before.slice(before.lastIndexOf('\n') + 1))
    const where = shown === NOWHERE ? '' : ` at <${shown()}>`
    throw new ExecutionError(`template: ${this.#template.name}:${line}:${column}: executing ${goQuote(this.#executing)}${where}: ${message}`)
  }
}

const kindOf = ({ parameters, rest }: TemplateFunction, i: number): Kind => parameters[i] ?? rest ?? 'any'
const GO_NAMES: Readonly<Record<Kind, string>> = { string: 'string', int: 'int', float: 'float64', time: 'time.Time', any: 'interface {}' }
