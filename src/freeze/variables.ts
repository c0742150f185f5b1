/**
 * The free variables of a function and how each is used, by the scope analyser (eslint-scope), loaded on first use.
 *
 * Promises: every variable that the function or anything nested in it may read or write and does not declare is
 * there; in doubt one too many. A member path is given only if nothing but that member can be seen through it.
 * Must not know values.
 */
import { createRequire } from 'node:module'
import { type Check, having, isFlag, isText, listOf, maybe } from './checks.ts'
import { keyName, type Node } from './tree.ts'

export interface FreeVariable {
  readonly name: string
  /**
   * The members read from it, sorted and minimal (`['a']` covers `['a', 'b']`), or undefined when the variable
   * itself is used in any way other than to read a member.
   */
  readonly paths?: readonly MemberPath[]
  /** Where it is used as a whole, the members that are named all the same; of a global, the rest cannot be seen. */
  readonly reads?: readonly MemberPath[]
  /** The function itself writes the variable. */
  readonly assigned: boolean
  /** It is only ever the operand of `typeof`, so it may be missing. */
  readonly typeofOnly: boolean
}

export interface MemberPath {
  /** Never empty. The value found there counts as a whole. */
  readonly path: readonly string[]
  /** The member is called as a method, so its `this` is the object before the last step: `ns.f()`. */
  readonly called: boolean
}

const arePaths = listOf(having<MemberPath>({ path: listOf(isText), called: isFlag }))

export const isFreeVariable: Check = having<FreeVariable>({
  name: isText,
  paths: maybe(arePaths),
  reads: maybe(arePaths),
  assigned: isFlag,
  typeofOnly: isFlag,
})

/** One way in which a free variable is read, for whoever wants to know where. */
export interface VariableMention {
  readonly name: string
  readonly path: readonly string[]
  /** What is at the end of the path is called, or made an instance of without arguments. */
  readonly as: 'call' | 'new' | 'value'
  /** Offset of the first such place. */
  readonly at: number
}

export interface Variables {
  readonly free: readonly FreeVariable[]
  readonly mentions: readonly VariableMention[]
  /** The places where free variables are named. */
  readonly places: ReadonlySet<Node>
}

interface Reference {
  readonly identifier: Node
  isWrite(): boolean
}

interface Analyser {
  analyze(
    program: Node,
    options: {
      readonly ecmaVersion: number
      readonly ignoreEval: boolean
      readonly sourceType?: 'module' | 'commonjs'
      readonly childVisitorKeys: Readonly<Record<string, readonly string[]>> | null
    },
  ): { readonly globalScope: { readonly through: readonly Reference[] } }
}

let analyser: Analyser | undefined

/** `root` is a function, class or method; `parents` knows the parent of every node below it. */
export function variablesOf(root: Node, parents: ReadonlyMap<Node, Node>): Variables {
  return collected(freeReferences(surround(root), parents), parents)
}

/** What a whole module takes from outside: globals, and in CommonJS `require`, `module` and the like. */
export function globalsOf(program: Node, parents: ReadonlyMap<Node, Node>): readonly FreeVariable[] {
  const isModule = (program.body as Node[]).some(({ type }) => /^(?:Im|Ex)port/.test(type))
  return collected(freeReferences(program, parents, isModule ? 'module' : 'commonjs'), parents).free
}

function collected(references: readonly Reference[], parents: ReadonlyMap<Node, Node>): Variables {
  const uses = new Map<string, Use[]>()
  const places = new Set<Node>()
  const mentions = new Map<string, VariableMention>()
  for (const reference of references) {
    const { identifier } = reference
    places.add(identifier)
    if (!reference.isWrite()) {
      for (const mention of mentionsAt(identifier, parents)) {
        const { as, name, path } = mention
        const key = `${name} ${path.join('.')} ${as}`
        if (!mentions.has(key)) mentions.set(key, mention)
      }
    }
    const use = reference.isWrite() ? WRITTEN : useOf(identifier, parents)
    const known = uses.get(identifier.name)
    if (known) known.push(use)
    else uses.set(identifier.name, [use])
  }
  const free = [...uses].map(([name, list]) => variable(name, list))
  return { free: free.sort((a, b) => (a.name < b.name ? -1 : 1)), mentions: [...mentions.values()], places }
}

function mentionsAt(identifier: Node, parents: ReadonlyMap<Node, Node>): readonly VariableMention[] {
  const { name, start: at } = identifier
  const { node, parent, path } = membersFrom(identifier, parents)
  const parts = destructured(node, parent)
  if (parts) return parts.map((part) => ({ name, path: [...path, part], as: 'value', at }))
  const made = parent?.type === 'NewExpression' && parent.callee === node && parent.arguments.length === 0
  return [{ name, path, as: made ? 'new' : isCallee(node, parent) ? 'call' : 'value', at }]
}

function freeReferences(
  program: Node,
  parents: ReadonlyMap<Node, Node>,
  sourceType?: 'module' | 'commonjs',
): readonly Reference[] {
  analyser ??= createRequire(import.meta.url)('eslint-scope') as Analyser
  // known to the analyser only without its second argument; other keys are left alone because they cost time
  const withOptions = [...parents.keys()].some(({ type, options }) => type === 'ImportExpression' && options)
  // direct eval is reported apart; here it must not turn each local variable into a free one
  return analyser.analyze(program, {
    ecmaVersion: 2022,
    ignoreEval: true,
    ...(sourceType && { sourceType }),
    childVisitorKeys: withOptions ? { ImportExpression: ['source', 'options'] } : null,
  }).globalScope.through
}

/**
 * A program with nothing but the function. Its own name is taken off: a declaration `function f() { f() }` reads a
 * variable `f` that others may write, a named expression reads itself, and the text does not say which it is. (A
 * class has in both cases an inner, constant binding for its name.)
 */
function surround(root: Node): Node {
  const { start, end, range } = root
  const wrap = (type: string, fields: object): Node => ({
    type,
    start,
    end,
    ...(range && { range }),
    ...fields,
  })
  const expression =
    root.type === 'Property'
      ? wrap('ObjectExpression', { properties: [root] })
      : root.type === 'MethodDefinition'
        ? wrap('ClassExpression', { id: null, superClass: null, body: wrap('ClassBody', { body: [root] }) })
        : root.type === 'FunctionExpression'
          ? { ...root, id: null }
          : root
  return wrap('Program', { sourceType: 'script', body: [wrap('ExpressionStatement', { expression })] })
}

/** How one mention of a variable uses it: as a whole, by `typeof` alone, or only these members of it. */
type Use = 'whole' | 'written' | 'typeof' | readonly MemberPath[] | { readonly target: MemberPath }
const WRITTEN = 'written'

function useOf(identifier: Node, parents: ReadonlyMap<Node, Node>): Use {
  const { node, parent, path } = membersFrom(identifier, parents)
  if (path.length === 0 && parent?.type === 'UnaryExpression' && parent.operator === 'typeof') return 'typeof'
  const parts = destructured(node, parent)
  if (parts) return parts.map((name) => ({ path: [...path, name], called: false }))
  if (path.length === 0) return 'whole'
  if (isTarget(node, parent, parents)) return { target: { path, called: false } }
  return [{ path, called: isCallee(node, parent) }]
}

/** The members named right after a variable, and where they end. */
function membersFrom(
  identifier: Node,
  parents: ReadonlyMap<Node, Node>,
): { readonly node: Node; readonly parent: Node | undefined; readonly path: readonly string[] } {
  const path: string[] = []
  let node = identifier
  let parent = parents.get(node)
  for (; parent !== undefined; node = parent, parent = parents.get(node)) {
    if (parent.type === 'ChainExpression') continue
    if (parent.type !== 'MemberExpression' || parent.object !== node) break
    const name = keyName(parent.property, parent.computed)
    // `#x` is not a member that anyone else could name: the object counts as a whole
    if (name === undefined) break
    path.push(name)
  }
  return { node, parent, path }
}

/** `ns.f()` and its tagged and optional forms pass `ns` as `this`; `new ns.F()` does not. */
function isCallee(node: Node, parent: Node | undefined): boolean {
  if (parent?.type === 'CallExpression') return parent.callee === node
  return parent?.type === 'TaggedTemplateExpression' && parent.tag === node
}

/** Is the member written or deleted, by whatever syntax? Then its object is changed and counts as a whole. */
function isTarget(node: Node, parent: Node | undefined, parents: ReadonlyMap<Node, Node>): boolean {
  switch (parent?.type) {
    case 'AssignmentExpression':
    case 'AssignmentPattern':
    case 'ForInStatement':
    case 'ForOfStatement':
      return parent.left === node
    case 'UpdateExpression':
    case 'ArrayPattern':
    case 'RestElement':
      return true
    case 'UnaryExpression':
      return parent.operator === 'delete'
    case 'Property':
      return parent.value === node && parents.get(parent)?.type === 'ObjectPattern'
    default:
      return false
  }
}

/** The members that `const {a, b: {c}} = variable` takes, or undefined if it may take more than named ones. */
function destructured(node: Node, parent: Node | undefined): string[] | undefined {
  if (parent?.type !== 'VariableDeclarator' || parent.init !== node) return undefined
  if (parent.id.type !== 'ObjectPattern' || parent.id.properties.length === 0) return undefined
  const names = (parent.id.properties as Node[]).map((property) =>
    property.type === 'Property' ? keyName(property.key, property.computed) : undefined,
  )
  return names.every((name) => name !== undefined) ? names : undefined
}

function variable(name: string, uses: readonly Use[]): FreeVariable {
  const assigned = uses.includes('written')
  const typeofOnly = uses.every((use) => use === 'typeof')
  const members = minimal(
    uses.flatMap((use) => (typeof use === 'string' ? [] : 'target' in use ? [use.target] : use)),
  )
  if (uses.every((use) => Array.isArray(use))) return { name, assigned, typeofOnly, paths: members }
  return { name, assigned, typeofOnly, ...(members.length > 0 && { reads: members }) }
}

/** Sorted, without the paths below others; `called` stays if any of the equal ones had it. */
function minimal(paths: readonly MemberPath[]): readonly MemberPath[] {
  const sorted = [...paths].sort((a, b) => compare(a.path, b.path))
  const kept: MemberPath[] = []
  for (const one of sorted) {
    const last = kept.at(-1)
    if (last === undefined || !last.path.every((step, index) => step === one.path[index])) kept.push(one)
    else if (one.called && !last.called && one.path.length === last.path.length) kept[kept.length - 1] = one
  }
  return kept
}

/** Step by step, so that a path comes right before everything below it. */
function compare(a: readonly string[], b: readonly string[]): number {
  const shared = Math.min(a.length, b.length)
  for (let index = 0; index < shared; index++) {
    const left = a[index] as string
    const right = b[index] as string
    if (left !== right) return left < right ? -1 : 1
  }
  return a.length - b.length
}
