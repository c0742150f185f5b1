/**
 * Text to syntax tree: the one door of the parser (acorn), loaded on first use.
 *
 * Promises: a text is never read with a meaning it does not have in its own place, and a text that is not
 * understood (native code, syntax newer than the parser, nesting deeper than its stack) is a SyntaxError.
 * Knows nothing of what the trees are for.
 */
import { createRequire } from 'node:module'
import type { Node } from './tree.ts'

interface ParserOptions {
  readonly ecmaVersion: 'latest'
  readonly sourceType: 'script' | 'module'
  readonly ranges?: boolean
  readonly checkPrivateFields?: boolean
  readonly allowSuperOutsideMethod?: boolean
  readonly allowReturnOutsideFunction?: boolean
  readonly allowAwaitOutsideFunction?: boolean
  readonly allowHashBang?: boolean
  readonly onComment?: (block: boolean, text: string, start: number) => void
}

let parser: { parse(text: string, options: ParserOptions): Node } | undefined

function parse(text: string, options: ParserOptions): Node {
  parser ??= createRequire(import.meta.url)('acorn') as NonNullable<typeof parser>
  return parser.parse(text, options)
}

export type FunctionKind = 'function' | 'arrow' | 'method' | 'class'

export interface ParsedFunction {
  readonly kind: FunctionKind
  /** A function, arrow or class expression, a property with a method or accessor, or a method definition. */
  readonly node: Node
  /** Offset of the text in what was parsed; to be taken from the offsets of nodes. */
  readonly offset: number
}

/**
 * Places in which the text of a function may stand, the most usual first. Function.prototype.toString() gives
 * methods without their surroundings, and class bodies and arrows without what their enclosing function allows
 * (`await` in a computed key, `super()` in an arrow of a constructor).
 */
const PLACES: readonly {
  readonly before: string
  readonly after: string
  readonly pick: (expression: Node) => Node
}[] = [
  { before: '(', after: '\n)', pick: (expression) => expression },
  { before: '({', after: '\n})', pick: (object) => object.properties[0] },
  { before: '(class{', after: '\n})', pick: (type) => type.body.body[0] },
  {
    before: '(class extends Object{constructor(){(',
    after: '\n)}})',
    pick: (type) => type.body.body[0].value.body.body[0].expression,
  },
  { before: '(async function*(){(', after: '\n)})', pick: (outer) => outer.body.body[0].expression },
  {
    before: '(async function*(){({',
    after: '\n})})',
    pick: (outer) => outer.body.body[0].expression.properties[0],
  },
]

/** `super` and private names belong to a class that is not in the text. */
const LENIENT = {
  ecmaVersion: 'latest',
  ranges: true,
  checkPrivateFields: false,
  allowSuperOutsideMethod: true,
} as const

/**
 * Scripts before modules: code of a module is strict, and strict code that a sloppy parser accepts means the same
 * there, while sloppy code may use `with`, octal numbers, `await` as a name. Only `import.meta` needs a module.
 * The one trap: `a<!--b` is a comment in scripts and an expression in modules, and the text does not say which.
 */
export function parseFunction(text: string): ParsedFunction {
  const htmlComments = text.includes('<!--') || text.includes('-->')
  let best: { error: SyntaxError; reached: number } | undefined
  for (const sourceType of ['script', 'module'] as const) {
    for (const place of PLACES) {
      const source = place.before + text + place.after
      let commented = false
      const onComment = (_block: boolean, _text: string, start: number): void => {
        if (source[start] !== '/') commented = true
      }
      let found: ParsedFunction | undefined
      try {
        found = parseAt(source, text, place, sourceType, htmlComments ? onComment : undefined)
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error
        // the place in which the parser got farthest is likely the right one, so its complaint is worth hearing
        const reached = ((error as { raisedAt?: number }).raisedAt ?? 0) - place.before.length
        if (best === undefined || reached > best.reached) best = { error, reached }
      }
      if (found === undefined) continue
      if (commented && parses(source, { ...LENIENT, sourceType: 'module' }))
        throw new SyntaxError('Cannot tell if `<!--` is a comment or code')
      return found
    }
  }
  throw new SyntaxError(`Cannot read the source of a function: ${best?.error.message ?? 'not a function'}`)
}

function parseAt(
  source: string,
  text: string,
  place: (typeof PLACES)[number],
  sourceType: 'script' | 'module',
  onComment: ParserOptions['onComment'],
): ParsedFunction | undefined {
  const program = parse(source, { ...LENIENT, sourceType, ...(onComment && { onComment }) })
  const statements = program.body as readonly Node[]
  const expression = statements[0]?.expression as Node | undefined
  if (statements.length !== 1 || expression === undefined) return undefined
  const node = place.pick(expression)
  const kind = node && kindOf(node)
  // the node must be all of the text: `a(), function(){}` or `m(){}, n(){}` is not one function
  const offset = place.before.length
  const start = offset + text.length - text.trimStart().length
  if (kind === undefined || node.start !== start || node.end !== offset + text.trimEnd().length)
    return undefined
  return { kind, node, offset }
}

function kindOf(node: Node): FunctionKind | undefined {
  switch (node.type) {
    case 'FunctionExpression':
      return 'function'
    case 'ArrowFunctionExpression':
      return 'arrow'
    case 'ClassExpression':
      return 'class'
    case 'MethodDefinition':
      return 'method'
    case 'Property':
      return node.method || node.kind !== 'init' ? 'method' : undefined
    default:
      return undefined
  }
}

function parses(source: string, options: ParserOptions): boolean {
  try {
    parse(source, options)
    return true
  } catch {
    return false
  }
}

export interface ParsedProgram {
  readonly program: Node
  readonly sourceType: 'script' | 'module'
}

const MODULE: ParserOptions = { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true }
const SCRIPT: ParserOptions = {
  ecmaVersion: 'latest',
  sourceType: 'script',
  allowHashBang: true,
  allowReturnOutsideFunction: true,
  allowSuperOutsideMethod: true,
  checkPrivateFields: false,
}

/**
 * The tree of a whole module or script (CommonJS, a REPL line), or undefined if it cannot be read for sure.
 * @param ranges whether nodes are to have what the scope analyser wants of them
 */
export function parseProgram(source: string, ranges = false): ParsedProgram | undefined {
  for (const options of [MODULE, SCRIPT, { ...SCRIPT, allowAwaitOutsideFunction: true }]) {
    try {
      const program = parse(source, { ...options, ranges })
      if (options === MODULE && source.includes('<!--') && isCommentInScript(source)) return undefined
      return { program, sourceType: options.sourceType }
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  }
  return undefined
}

/** What a module reads as code, `a<!--b`, may hide code if the source is that of a script. */
function isCommentInScript(source: string): boolean {
  let commented = false
  const onComment = (_block: boolean, _text: string, start: number): void => {
    if (source[start] === '<') commented = true
  }
  return parses(source, { ...SCRIPT, onComment }) && commented
}
