/**
 * Functions that the variables of a module are from their declaration on: where V8 says they are, and their text.
 *
 * Of a variable that nothing writes again (writes.ts), its declaration says which function it holds, and that this one closes
 * over what the module does: to know one function's scopes is to know theirs. Must not know values.
 */
import { locationOf } from './names.ts'
import type { Node } from './tree.ts'

/** @param at the offset that V8 gives; the text is what is between `start` and `end`. */
export type Declared = readonly [name: string, at: number, start: number, end: number]

/** Those at the top level of a program. Classes are not among them: they have a scope of their own. */
export function declaredIn(program: Node, source: string): readonly Declared[] {
  const found: Declared[] = []
  const note = (name: string, node: Node) =>
    found.push([name, locationOf(node, source), node.start, node.end])
  for (const statement of program.body as Node[]) {
    const node: Node = /^Export(Named|Default)/.test(statement.type)
      ? (statement.declaration ?? statement)
      : statement
    if (node.type === 'FunctionDeclaration' && node.id) note(node.id.name, node)
    if (node.type !== 'VariableDeclaration') continue
    for (const { id, init } of node.declarations as Node[]) {
      if (id.type === 'Identifier' && init && isUnnamed(init)) note(id.name, init)
    }
  }
  return found
}

/** A function expression with a name has a variable of its own. */
const isUnnamed = (node: Node): boolean =>
  node.type === 'ArrowFunctionExpression' || (node.type === 'FunctionExpression' && !node.id)
