/**
 * Names for the functions of a script, by where V8 says they are: its own name, or that of the variable, property or
 * class member it becomes, also through one call (`const clean = memoize((x) => …)`).
 *
 * Names are for people and for looking up a row, never for identity. Must not know values.
 *
 * V8's [[FunctionLocation]], the same in Node 20, 22 and 24: the `(` of the parameter list for functions, methods,
 * accessors and explicit constructors (where the whole class is then said to be); the first character for arrows
 * (with `async`); the `class` keyword for classes without a constructor. Lines end where ECMAScript says they do.
 */
import { eachChild, isClass, isFunction, keyName, type Node } from './tree.ts'

/** The name the value of an expression is about to get. */
interface Hint {
  readonly name: string
  /** It may still be handed on to a function that is the argument of a call. */
  readonly throughCall: boolean
}

interface Place {
  readonly node: Node
  readonly hint: Hint | undefined
  /** Name of the class whose members these are. */
  readonly owner: string | undefined
}

export interface Names {
  /** The name of the function that V8 says is at this offset. */
  readonly named: readonly (readonly [at: number, name: string])[]
  /** Function expressions with a name: a variable of their own, which V8 does not list. */
  readonly expressions: readonly (readonly [start: number, end: number, name: string])[]
}

export function namesOf(program: Node, source: string): Names {
  const names = new Map<number, string>()
  const expressions: [number, number, string][] = []
  const stack: Place[] = [{ node: program, hint: undefined, owner: undefined }]
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    const { node, hint, owner } = place
    const name: string | undefined = node.id?.name ?? hint?.name
    if (name !== undefined && (isFunction(node) || isClass(node))) names.set(locationOf(node, source), name)
    if (node.type === 'FunctionExpression' && node.id) expressions.push([node.start, node.end, node.id.name])
    // from the class to its body to each member, and no further
    const inner = isClass(node) ? name : node.type === 'ClassBody' ? owner : undefined
    eachChild(node, (child, field) => {
      const childHint = hintFor(child, field, place as Place)
      stack.push({ node: child, hint: childHint, owner: inner })
    })
  }
  return { named: [...names], expressions }
}

/** The offset at which each line of a source begins. */
export const linesOf = (source: string): readonly number[] => [
  0,
  ...Array.from(source.matchAll(/\r\n|[\r\n\u2028\u2029]/g), (end) => end.index + end[0].length),
]

/** The offset at which V8 says a function or a class is. */
export function locationOf(node: Node, source: string): number {
  if (isClass(node)) {
    const explicit = (node.body.body as Node[]).find(({ kind }) => kind === 'constructor')
    return explicit === undefined ? node.start : explicit.value.start
  }
  if (node.type === 'ArrowFunctionExpression') return node.start
  // up to the parenthesis there are but keywords, blanks and comments
  const beforeParameters = /(?:[^(/]|\/\*[\s\S]*?\*\/|\/\/.*)*/y
  beforeParameters.lastIndex = node.id?.end ?? node.start
  beforeParameters.test(source)
  return beforeParameters.lastIndex
}

const TRANSPARENT: Readonly<Record<string, readonly string[]>> = {
  AwaitExpression: ['argument'],
  ConditionalExpression: ['consequent', 'alternate'],
  LogicalExpression: ['left', 'right'],
  ChainExpression: ['expression'],
}

function hintFor(child: Node, field: string, { node, hint, owner }: Place): Hint | undefined {
  switch (node.type) {
    case 'VariableDeclarator':
      return field === 'init' ? fresh(targetName(node.id)) : undefined
    case 'AssignmentExpression':
    case 'AssignmentPattern':
      return field === 'right' ? fresh(targetName(node.left)) : undefined
    case 'Property':
      return field === 'value' ? fresh(memberName(node.key, node.computed)) : undefined
    case 'MethodDefinition':
    case 'PropertyDefinition': {
      // a constructor is found under the name of its class, which has been noted already
      if (field !== 'value' || node.kind === 'constructor') return undefined
      const member = memberName(node.key, node.computed)
      return fresh(member !== undefined && owner !== undefined ? `${owner}.${member}` : member)
    }
    case 'ExportDefaultDeclaration':
      return fresh('default')
    case 'CallExpression':
    case 'NewExpression': {
      if (field !== 'arguments' || !hint?.throughCall) return undefined
      const first = (node.arguments as Node[]).find((argument) => isFunction(argument) || isClass(argument))
      return child === first ? { ...hint, throughCall: false } : undefined
    }
    case 'SequenceExpression':
      return child === node.expressions.at(-1) ? hint : undefined
    default:
      return TRANSPARENT[node.type]?.includes(field) ? hint : undefined
  }
}

function fresh(name: string | undefined): Hint | undefined {
  return name === undefined ? undefined : { name, throughCall: true }
}

function targetName(target: Node): string | undefined {
  if (target.type === 'MemberExpression') return memberName(target.property, target.computed)
  return target.type === 'Identifier' ? target.name : undefined
}

function memberName(key: Node, computed: boolean): string | undefined {
  return key.type === 'PrivateIdentifier' ? `#${key.name}` : keyName(key, computed)
}
