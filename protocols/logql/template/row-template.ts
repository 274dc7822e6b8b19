/** A template compiled for the pipeline: `.name` is a label of the row, `__line__` and `__timestamp__` are functions. For line_format and label_format. */
import { SkaldError } from '../../../runtime/errors.ts'
import type { LineState } from '../line-state.ts'
import { ERROR_DETAILS_LABEL, ERROR_LABEL } from '../line-state.ts'
import { Budget } from './budget.ts'
import { executeTemplate } from './evaluate.ts'
import type { CallContext } from './function.ts'
import { isFunctionName } from './functions.ts'
import type { Node, Template } from './nodes.ts'
import { parseTemplate } from './parser.ts'
import type { LabelMap } from './values.ts'

/** Longer templates are refused: parsing is done once, but the text is in every query plan. */
const TEMPLATE_BYTES_MAX = 64 * 1024

export class RowTemplate {
  readonly #template: Template
  readonly #context: RowContext
  readonly #labels = new RowLabels()
  /** Text and label names in turn, for templates that are nothing else; null otherwise. */
  readonly #simple: ReadonlyArray<Simple> | null

  /** Throws TemplateSyntaxError. `name` is what Go's messages call the template. */
  constructor(name: string, text: string, nowMs: number) {
    if (text.length > TEMPLATE_BYTES_MAX) throw new SkaldError('query_parse', `template is longer than ${TEMPLATE_BYTES_MAX} bytes`)
    this.#template = parseTemplate(name, text, isFunctionName)
    this.#context = new RowContext(BigInt(Math.trunc(nowMs)) * 1_000_000n)
    this.#simple = simpleParts(this.#template.root)
  }

  /** Throws ExecutionError. */
  render(state: LineState): string {
    if (this.#simple !== null) return renderSimple(this.#simple, state)
    this.#context.budget.reset()
    this.#context.state = state
    this.#labels.state = state
    return executeTemplate(this.#template, this.#labels, this.#context)
  }
}

type Simple = { readonly text: string } | { readonly label: string } | 'line'

function simpleParts(nodes: ReadonlyArray<Node>): ReadonlyArray<Simple> | null {
  const parts: Simple[] = []
  for (const node of nodes) {
    if (node.kind === 'text') parts.push({ text: node.text })
    else {
      const part = node.kind === 'action' ? simpleAction(node.pipe) : null
      if (part === null) return null
      parts.push(part)
    }
  }
  return parts
}

function simpleAction({ declares, commands }: (Node & { kind: 'action' })['pipe']): Simple | null {
  const [command] = commands
  const [operand] = command?.args ?? []
  if (declares.length > 0 || commands.length !== 1 || command!.args.length !== 1) return null
  if (operand?.kind === 'field' && operand.names.length === 1) return { label: operand.names[0]! }
  return operand?.kind === 'function' && operand.name === '__line__' ? 'line' : null
}

function renderSimple(parts: ReadonlyArray<Simple>, state: LineState): string {
  let out = ''
  for (const part of parts) out += part === 'line' ? state.lineText() : 'text' in part ? part.text : state.label(part.label)
  return out
}

class RowLabels implements LabelMap {
  readonly kind = 'labels'
  state: LineState | null = null

  get(name: string): string | undefined {
    return this.state!.label(name)
  }

  entries(): ReadonlyArray<readonly [string, string]> {
    const state = this.state!
    const entries: Array<readonly [string, string]> = []
    state.visit((name, value) => entries.push([name, value]))
    if (state.error !== '') entries.push([ERROR_LABEL, state.error])
    if (state.errorDetails !== '') entries.push([ERROR_DETAILS_LABEL, state.errorDetails])
    return entries
  }
}

class RowContext implements CallContext {
  readonly budget = new Budget()
  readonly nowNs: bigint
  state: LineState | null = null

  constructor(nowNs: bigint) {
    this.nowNs = nowNs
  }

  line(): string {
    return this.state!.lineText()
  }

  timestampNs(): bigint {
    const { block, relativeNs } = this.state!
    return block!.baseNs + BigInt(relativeNs)
  }
}
