/**
 * What a syntax tree is made of: every node type with the fields that carry meaning, in a fixed order.
 *
 * Promises: a node type that is not listed is an error, never silently skipped. The place of a type in the list is
 * its tag in the canonical bytes (syntax.ts), so lines may be appended but never moved or removed.
 * Knows nothing of scopes, functions or caches.
 */

/** A node as the parser gives it (ESTree plus offsets); `range` repeats the offsets for the scope analyser. */
export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly range?: readonly [number, number]
  // a tree that is walked by field name has no useful static type
  readonly [field: string]: any
}

// `directive`, `raw`, `expression` (of functions) and `tail` follow from other fields; `prefix` of unary is always true
const SPEC = `
  Identifier name
  PrivateIdentifier name
  Literal
  TemplateElement
  ExpressionStatement expression
  BlockStatement body
  EmptyStatement
  DebuggerStatement
  WithStatement object body
  ReturnStatement argument
  LabeledStatement label body
  BreakStatement label
  ContinueStatement label
  IfStatement test consequent alternate
  SwitchStatement discriminant cases
  SwitchCase test consequent
  ThrowStatement argument
  TryStatement block handler finalizer
  CatchClause param body
  WhileStatement test body
  DoWhileStatement body test
  ForStatement init test update body
  ForInStatement left right body
  ForOfStatement left right body await
  FunctionDeclaration id generator async params body
  FunctionExpression id generator async params body
  ArrowFunctionExpression async params body
  VariableDeclaration kind declarations
  VariableDeclarator id init
  ThisExpression
  Super
  ArrayExpression elements
  ObjectExpression properties
  Property key value kind method shorthand computed
  UnaryExpression operator argument
  UpdateExpression operator prefix argument
  BinaryExpression operator left right
  AssignmentExpression operator left right
  LogicalExpression operator left right
  MemberExpression object property computed optional
  ConditionalExpression test consequent alternate
  CallExpression callee arguments optional
  NewExpression callee arguments
  SequenceExpression expressions
  SpreadElement argument
  YieldExpression argument delegate
  TemplateLiteral quasis expressions
  TaggedTemplateExpression tag quasi
  ObjectPattern properties
  ArrayPattern elements
  RestElement argument
  AssignmentPattern left right
  ClassDeclaration id superClass body
  ClassExpression id superClass body
  ClassBody body
  MethodDefinition key value kind computed static
  PropertyDefinition key value computed static
  StaticBlock body
  MetaProperty meta property
  AwaitExpression argument
  ChainExpression expression
  ImportExpression source options
  Program body
  ImportDeclaration specifiers source attributes
  ImportSpecifier imported local
  ImportDefaultSpecifier local
  ImportNamespaceSpecifier local
  ImportAttribute key value
  ExportNamedDeclaration declaration specifiers source attributes
  ExportSpecifier exported local
  ExportDefaultDeclaration declaration
  ExportAllDeclaration exported source attributes
`

export interface NodeType {
  /** The canonical number of this type. */
  readonly tag: number
  readonly fields: readonly string[]
  /** The fields that hold nodes. */
  readonly children: readonly string[]
}

const PLAIN = new Set(
  'name operator kind prefix computed optional method shorthand static async generator await delegate'.split(
    ' ',
  ),
)

const TYPES: ReadonlyMap<string, NodeType> = new Map(
  SPEC.trim()
    .split('\n')
    .map((line, tag) => {
      const [type, ...fields] = line.trim().split(' ')
      return [type as string, { tag, fields, children: fields.filter((field) => !PLAIN.has(field)) }]
    }),
)

export function typeOf(node: Node): NodeType {
  const type = TYPES.get(node.type)
  // a newer parser with newer syntax: refusing is a miss, guessing could be a wrong hit
  if (type === undefined) throw new SyntaxError(`Unknown syntax: ${node.type}`)
  return type
}

/** Call `visit` for each child, in the order of the fields. */
export function eachChild(node: Node, visit: (child: Node, field: string) => void): void {
  for (const field of typeOf(node).children) {
    const value = node[field]
    if (Array.isArray(value)) {
      for (const item of value) if (item !== null) visit(item, field)
    } else if (value) visit(value, field)
  }
}

/** Functions that have their own `this`, `arguments`, `super` and `new.target`. */
export function isPlainFunction(node: Node): boolean {
  return node.type === 'FunctionExpression' || node.type === 'FunctionDeclaration'
}

export function isFunction(node: Node): boolean {
  return node.type === 'ArrowFunctionExpression' || isPlainFunction(node)
}

export function isClass(node: Node): boolean {
  return node.type === 'ClassExpression' || node.type === 'ClassDeclaration'
}

/** The name that a plain key, a dotted member or a literal in brackets spells; undefined if it is computed. */
export function keyName(key: Node, computed: boolean): string | undefined {
  if (key.type === 'Identifier') return computed ? undefined : key.name
  if (key.type !== 'Literal') return undefined
  const plain = typeof key.value === 'string' || typeof key.value === 'number'
  return plain || !computed ? String(key.value) : undefined
}
