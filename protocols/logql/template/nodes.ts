/** The tree of a Go template, and how Go prints its nodes in error messages. Made by `parser.ts`, run by `evaluate.ts`. */

export interface Positioned {
  /** Offset in the template's text. */
  readonly at: number
}

export type Operand =
  | ({ readonly kind: 'field'; readonly names: ReadonlyArray<string> } & Positioned)
  | ({ readonly kind: 'variable'; readonly name: string; readonly names: ReadonlyArray<string> } & Positioned)
  | ({ readonly kind: 'chain'; readonly node: Operand; readonly names: ReadonlyArray<string> } & Positioned)
  | ({ readonly kind: 'dot' } & Positioned)
  | ({ readonly kind: 'nil' } & Positioned)
  | ({ readonly kind: 'bool'; readonly value: boolean } & Positioned)
  | ({ readonly kind: 'number'; readonly text: string; readonly int: bigint | null; readonly float: number } & Positioned)
  | ({ readonly kind: 'string'; readonly quoted: string; readonly value: string } & Positioned)
  | ({ readonly kind: 'function'; readonly name: string } & Positioned)
  | Pipe

export interface Command extends Positioned {
  readonly args: ReadonlyArray<Operand>
}

export interface Pipe extends Positioned {
  readonly kind: 'pipe'
  readonly declares: ReadonlyArray<string>
  /** `=` instead of `:=`. */
  readonly assigns: boolean
  readonly commands: ReadonlyArray<Command>
}

export type Node =
  | ({ readonly kind: 'text'; readonly text: string } & Positioned)
  | ({ readonly kind: 'action'; readonly pipe: Pipe } & Positioned)
  | ({ readonly kind: 'if' | 'with' | 'range'; readonly pipe: Pipe; readonly body: ReadonlyArray<Node>; readonly otherwise: ReadonlyArray<Node> } & Positioned)
  | ({ readonly kind: 'template'; readonly name: string; readonly pipe: Pipe | null } & Positioned)
  | ({ readonly kind: 'break' | 'continue' } & Positioned)

export interface Template {
  readonly name: string
  readonly text: string
  readonly root: ReadonlyArray<Node>
  /** By `define` and `block`. */
  readonly defined: ReadonlyMap<string, ReadonlyArray<Node>>
}

export function operandText(node: Operand): string {
  switch (node.kind) {
    case 'field': return `.${node.names.join('.')}`
    case 'variable': return [node.name, ...node.names].join('.')
    case 'chain': return `${node.node.kind === 'pipe' ? `(${pipeText(node.node)})` : operandText(node.node)}.${node.names.join('.')}`
    case 'dot': return '.'
    case 'nil': return 'nil'
    case 'bool': return String(node.value)
    case 'number': return node.text
    case 'string': return node.quoted
    case 'function': return node.name
    case 'pipe': return `(${pipeText(node)})`
  }
}

export const commandText = (command: Command): string => command.args.map(operandText).join(' ')

export function pipeText(pipe: Pipe): string {
  const declares = pipe.declares.length === 0 ? '' : `${pipe.declares.join(', ')} ${pipe.assigns ? '=' : ':='} `
  return declares + pipe.commands.map(commandText).join(' | ')
}
