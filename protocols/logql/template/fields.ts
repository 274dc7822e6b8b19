/** Which labels a template reads, so that parsers need not extract the others. */
import { isFunctionName } from './functions.ts'
import type { Node, Operand, Pipe } from './nodes.ts'
import { parseTemplate } from './parser.ts'

/** Names of the labels that it reads; null: it may read any (it uses the whole map). */
export function fieldsOf(text: string): ReadonlyArray<string> | null {
  const fields = new Set<string>()
  let any = false
  const operand = (node: Operand): void => {
    if (node.kind === 'field') fields.add(node.names[0]!)
    else if (node.kind === 'variable' && node.name === '$' && node.names.length > 0) fields.add(node.names[0]!)
    else if (node.kind === 'dot' || (node.kind === 'variable' && node.name === '$')) any = true
    else if (node.kind === 'chain') operand(node.node)
    else if (node.kind === 'pipe') pipe(node)
  }
  const pipe = ({ commands }: Pipe): void => commands.forEach((command) => command.args.forEach(operand))
  const list = (nodes: ReadonlyArray<Node>): void => {
    for (const node of nodes) {
      if ('pipe' in node && node.pipe !== null) pipe(node.pipe)
      if ('body' in node) {
        list(node.body)
        list(node.otherwise)
      }
    }
  }
  let template
  try {
    template = parseTemplate('fields', text, isFunctionName)
  } catch {
    return []
  }
  list(template.root)
  for (const nodes of template.defined.values()) list(nodes)
  return any ? null : [...fields]
}
