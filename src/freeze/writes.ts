/**
 * Which names of a script may be written after they got their first value: the others, once seen with a value, keep
 * it, so their value need not be looked up on every call.
 *
 * Promises: conservative and by name: if any variable called `x`, in whatever scope, may be written again, `x` is
 * reassigned. Not counted is the first value of a variable: a `var` or an imported binding reads as undefined (a
 * `let` or `const` not at all) before its declaration has run, so an undefined must not be taken for final.
 * Global variables of classic scripts (not modules, not CommonJS) may be written by other scripts: not seen here.
 */
import type { ParsedProgram } from './parse.ts'
import { eachChild, isFunction, isPlainFunction, type Node } from './tree.ts'

/** Sorted names; or all there are, where anything may be written. */
export type Written = readonly string[] | 'all'

/** What shares one set of `var`s: a function with its parameters, a static block, the program. */
interface VarScope {
  readonly declared: Set<string>
  readonly parameters: readonly string[]
}

interface Context {
  readonly vars: VarScope
  /** The scope of the function whose `arguments` is seen here. */
  readonly receiver: VarScope
  /** May run more than once in one activation. */
  readonly loop: boolean
  /** The function body or program whose function declarations are plain hoisted ones. */
  readonly body: Node
}

export function writesOf({ program, sourceType }: ParsedProgram): Written {
  const written = new Set<string>()
  const vars = new Set<string>()
  const caught = new Set<string>()
  // a CommonJS file often parses as a module too; only these declarations prove that it is one, hence strict
  const strict =
    sourceType === 'module' && (program.body as Node[]).some(({ type }) => /^(Im|Ex)port/.test(type))
  const whole: VarScope = { declared: new Set(), parameters: [] }

  const stack: { readonly node: Node; readonly parent: Node; readonly context: Context }[] = [
    { node: program, parent: program, context: { vars: whole, receiver: whole, loop: false, body: program } },
  ]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { node, parent, context } = top
    // code made at run time may write any variable it can name
    if (node.type === 'WithStatement' || isDirectEval(node)) return 'all'
    note(node, parent, context)
    const inner = contextInside(node, context)
    eachChild(node, (child) => stack.push({ node: child, parent: node, context: inner }))
  }
  // `try {} catch (e) { var e = 1 }` writes the caught e, not the variable
  for (const name of caught) if (vars.has(name)) written.add(name)
  return [...written].sort()

  function note(node: Node, parent: Node, context: Context): void {
    for (const target of targets(node)) for (const name of boundNames(target)) written.add(name)
    if (node.type === 'VariableDeclaration' && node.kind === 'var') {
      for (const name of (node.declarations as Node[]).flatMap(({ id }) => boundNames(id))) {
        declare(context.vars, name)
        if (context.loop) written.add(name)
      }
    } else if (node.type === 'FunctionDeclaration' && node.id) {
      if (parent === context.body || parent.type.startsWith('Export')) declare(context.vars, node.id.name)
      // sloppy code copies a block's function to a `var` each time the block runs
      else if (!strict) written.add(node.id.name)
    } else if (node.type === 'CatchClause' && node.param) {
      for (const name of boundNames(node.param)) caught.add(name)
    } else if (node.type === 'Identifier' && node.name === 'arguments' && !strict) {
      // sloppy `arguments[0] = 1` writes the first parameter
      for (const name of context.receiver.parameters) written.add(name)
    }
  }

  function declare(scope: VarScope, name: string): void {
    if (scope.declared.has(name)) written.add(name)
    scope.declared.add(name)
    vars.add(name)
  }

  function contextInside(node: Node, context: Context): Context {
    if (isFunction(node)) {
      const parameters = (node.params as Node[]).flatMap(boundNames)
      const scope: VarScope = { declared: new Set(), parameters }
      for (const name of parameters) declare(scope, name)
      const receiver = isPlainFunction(node) ? scope : context.receiver
      return { vars: scope, receiver, loop: false, body: node.body }
    }
    if (node.type === 'StaticBlock') {
      return { ...context, vars: { declared: new Set(), parameters: [] }, loop: false, body: node }
    }
    return LOOPS.has(node.type) && !context.loop ? { ...context, loop: true } : context
  }
}

const LOOPS = new Set([
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'WhileStatement',
  'DoWhileStatement',
])

function isDirectEval({ type, callee, optional }: Node): boolean {
  return type === 'CallExpression' && callee.type === 'Identifier' && callee.name === 'eval' && !optional
}

/** The patterns that this node writes. */
function targets(node: Node): readonly Node[] {
  switch (node.type) {
    case 'AssignmentExpression':
      return [node.left]
    case 'UpdateExpression':
      return [node.argument]
    case 'ForInStatement':
    case 'ForOfStatement':
      return node.left.type === 'VariableDeclaration' ? [] : [node.left]
    default:
      return []
  }
}

/** The variables of a pattern; members of objects, which may be targets too, are not variables. */
export function boundNames(pattern: Node): string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern.name]
    case 'ObjectPattern':
      return (pattern.properties as Node[]).flatMap(boundNames)
    case 'Property':
      return boundNames(pattern.value)
    case 'ArrayPattern':
      return (pattern.elements as (Node | null)[]).flatMap((element) => (element ? boundNames(element) : []))
    case 'RestElement':
      return boundNames(pattern.argument)
    case 'AssignmentPattern':
      return boundNames(pattern.left)
    default:
      return []
  }
}
