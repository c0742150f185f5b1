/**
 * Facts about the text of one function, as Function.prototype.toString() gives it: text in, facts out.
 *
 * Promises: equal `syntax` means equal code; what the function takes from outside (variables, `this`, `super`,
 * modules) is all in the facts, and what cannot be seen through is listed as `dynamic`. In doubt the facts say
 * too much, never too little. Whether sloppy code is strict because of its surroundings is not in the text.
 * Must not know values, files or caches.
 */
import { either, having, isDigest, isFlag, isOffset, isText, listOf, maybe, oneOf } from './checks.ts'
import { digestBytes } from './digest.ts'
import type { Reading } from './kept.ts'
import { type FunctionKind, parseFunction } from './parse.ts'
import { syntaxBytes } from './syntax.ts'
import { eachChild, isPlainFunction, type Node } from './tree.ts'
import { type FreeVariable, isFreeVariable, type VariableMention, variablesOf } from './variables.ts'

export type { FreeVariable, MemberPath } from './variables.ts'

export interface FunctionSource {
  /** Canonical bytes of the syntax tree: see syntax.ts for what counts. */
  readonly syntax: Uint8Array
  /**
   * Sorted by name. A function's own name is among them if it mentions it, since the text of a declaration (whose
   * name is a variable like any other) and of a named expression (which refers to itself) are the same. A class's
   * own name is not: inside a class it is constant.
   */
  readonly free: readonly FreeVariable[]
  /** `this` or `super` of this very function, in nested arrows too, or direct eval, which may use it. Class: false. */
  readonly usesThis: boolean
  /** `super` that belongs to this very function; that of classes and methods inside it belongs to them. */
  readonly usesSuper: boolean
  /** What cannot be seen through, in order of position. */
  readonly dynamic: readonly Dynamic[]
  /** How and where it reads each free variable and loads each module, for advice: nothing of it is in a digest. */
  readonly mentions: readonly Mention[]
  /** Specifiers of `import()` with a literal argument, sorted, unique. */
  readonly imports: readonly string[]
  /** Specifiers of `require()` with a literal argument, sorted, unique. */
  readonly requires: readonly string[]
  readonly usesImportMeta: boolean
  /** It names something that depends on the default time zone or locale. */
  readonly usesLocale: boolean
  readonly kind: FunctionKind
  /** The name it calls itself by, if it has one. */
  readonly name?: string
  /** By position; null for one that is a pattern. */
  readonly parameters: readonly (string | null)[]
}

/** Offsets are within the text. */
export type Mention = VariableMention | { readonly module: string; readonly at: number }

export interface Dynamic {
  readonly kind: 'eval' | 'with' | 'new Function' | 'import' | 'require' | 'field'
  /** From 0, within the text. */
  readonly line: number
  /** From 0. */
  readonly column: number
}

/** Throws a SyntaxError for text that cannot be read, that of native functions among it. */
export function sourceOf(text: string): FunctionSource {
  const { kind, node: root, offset } = parseFunction(text)
  const survey = look(root, kind)
  const { free, mentions, places } = withinStack(() => variablesOf(root, survey.parents))
  const dynamic = survey.suspects
    .filter(({ node, always }) => always || places.has(node))
    .map((suspect) => ({ kind: suspect.kind, at: suspect.node.start - offset }))
    .sort((a, b) => a.at - b.at)
    .map((suspect) => ({ kind: suspect.kind, ...positionIn(text, suspect.at) }))
  const seenThrough = !dynamic.some(({ kind: what }) => what === 'eval' || what === 'with')
  return {
    syntax: syntaxBytes(root),
    // code made at run time may read any other member
    free: seenThrough ? free : free.map(({ paths: _, ...whole }) => whole),
    usesThis: survey.usesThis || survey.usesSuper,
    usesSuper: survey.usesSuper,
    dynamic,
    mentions: [...mentions, ...survey.loads]
      .map((mention): Mention => ({ ...mention, at: mention.at - offset }))
      .sort((a, b) => a.at - b.at),
    imports: [...survey.imports].sort(),
    requires: [...survey.requires].sort(),
    usesImportMeta: survey.usesImportMeta,
    usesLocale: survey.usesLocale,
    kind,
    ...(root.id && { name: root.id.name as string }),
    parameters: parametersOf(root),
  }
}

/** What a text says, as plain data that survives JSON: of its syntax the digest. */
export interface TextData extends Omit<FunctionSource, 'syntax'> {
  readonly digest: string
}

/** Throws as `sourceOf` does. */
export function readFunction(text: string): TextData {
  const { syntax, ...facts } = sourceOf(text)
  return { ...facts, digest: digestBytes(syntax) }
}

export const FUNCTION: Reading<TextData> = {
  name: 'function',
  read: readFunction,
  isSound: having<TextData>({
    digest: isDigest,
    free: listOf(isFreeVariable),
    usesThis: isFlag,
    usesSuper: isFlag,
    dynamic: listOf(
      having<Dynamic>({
        kind: oneOf('eval', 'with', 'new Function', 'import', 'require', 'field'),
        line: isOffset,
        column: isOffset,
      }),
    ),
    mentions: listOf(
      either(
        having<VariableMention>({
          name: isText,
          path: listOf(isText),
          as: oneOf('call', 'new', 'value'),
          at: isOffset,
        }),
        having<{ module: string; at: number }>({ module: isText, at: isOffset }),
      ),
    ),
    imports: listOf(isText),
    requires: listOf(isText),
    usesImportMeta: isFlag,
    usesLocale: isFlag,
    kind: oneOf('function', 'arrow', 'method', 'class'),
    name: maybe(isText),
    parameters: listOf(either(isText, oneOf(null))),
  }),
}

function parametersOf(root: Node): (string | null)[] {
  const parameters: readonly Node[] = root.params ?? root.value?.params ?? []
  return parameters.map((parameter) => {
    const { argument, left } = parameter
    return (argument ?? left ?? parameter).name ?? null
  })
}

/** The scope analyser recurses: what is nested too deeply for it is as unreadable as what is for the parser. */
function withinStack<T>(analyse: () => T): T {
  try {
    return analyse()
  } catch (error) {
    if (error instanceof RangeError) throw new SyntaxError('Nested too deeply to analyse', { cause: error })
    throw error
  }
}

interface Suspect {
  readonly kind: Dynamic['kind']
  readonly node: Node
  /** Dynamic whatever it is bound to; otherwise only if `node` names a free variable. */
  readonly always: boolean
}

interface Survey {
  readonly parents: Map<Node, Node>
  readonly suspects: Suspect[]
  readonly imports: Set<string>
  readonly requires: Set<string>
  readonly loads: { readonly module: string; readonly at: number }[]
  usesThis: boolean
  usesSuper: boolean
  usesImportMeta: boolean
  usesLocale: boolean
}

/** `new Date`, `Intl`, and the methods of dates and strings that go by local conventions. */
export const LOCAL: RegExp =
  /^(?:Date|Intl|(?:Date|List|Number|RelativeTime|Duration)(?:Time)?Format|Collator|PluralRules|[gs]et(?:FullYear|Month|Date|Day|Hours|Minutes|TimezoneOffset)|to(?:Date|Time)String|toLocale\w+|localeCompare)$/

/** One walk for all that needs no scopes. */
function look(root: Node, kind: FunctionKind): Survey {
  const survey: Survey = {
    parents: new Map(),
    suspects: [],
    imports: new Set(),
    requires: new Set(),
    loads: [],
    usesThis: false,
    usesSuper: false,
    usesImportMeta: false,
    usesLocale: false,
  }
  // `own`: does `this` here mean that of the function in question?
  const stack: { readonly node: Node; readonly own: boolean }[] = [{ node: root, own: kind !== 'class' }]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { node, own } = top
    note(survey, node, own)
    eachChild(node, (child, field) => {
      survey.parents.set(child, node)
      stack.push({ node: child, own: own && !hasOtherThis(child, node, field, root) })
    })
  }
  return survey
}

/** Functions but arrows, fields and static blocks have their own `this`; computed keys and `extends` do not. */
function hasOtherThis(child: Node, parent: Node, field: string, root: Node): boolean {
  // the function in question itself, if it is a method
  if (parent === root && field === 'value') return false
  if (isPlainFunction(child)) return true
  return child.type === 'StaticBlock' || (parent.type === 'PropertyDefinition' && field === 'value')
}

function note(survey: Survey, node: Node, own: boolean): void {
  const suspect = (kind: Dynamic['kind'], named: Node, always: boolean): void => {
    survey.suspects.push({ kind, node: named, always })
  }
  switch (node.type) {
    case 'ThisExpression':
      if (own) survey.usesThis = true
      break
    case 'Super':
      if (own) survey.usesSuper = true
      break
    case 'WithStatement':
      suspect('with', node, true)
      break
    case 'Identifier':
      if (LOCAL.test(node.name)) survey.usesLocale = true
      // a free `eval` that is not called directly can still run any code, in the global scope
      if (node.name === 'eval' && !isDirectEval(survey.parents.get(node), node)) suspect('eval', node, false)
      if (node.name === 'require') noteRequire(node, survey.parents.get(node))
      break
    case 'CallExpression':
      if (isDirectEval(node, node.callee)) {
        // a local named eval may hold the real one, which makes it as direct as any
        suspect('eval', node.callee, true)
        if (own) survey.usesThis = true
      }
      suspectFunction(node)
      break
    case 'NewExpression':
      suspectFunction(node)
      break
    case 'ImportExpression': {
      const specifier = literalText(node.source)
      if (specifier === undefined) suspect('import', node, true)
      else {
        survey.imports.add(specifier)
        survey.loads.push({ module: specifier, at: node.start })
      }
      break
    }
    case 'PropertyDefinition':
      // evaluated once, when the class was made, from variables that V8 does not keep
      if (node.computed && !node.static && literalText(node.key) === undefined) suspect('field', node, true)
      break
    case 'MetaProperty':
      if (node.meta.name === 'import') survey.usesImportMeta = true
      // new.target of an arrow belongs to the function around it, as `this` does
      else if (own) survey.usesThis = true
      break
  }

  function noteRequire(name: Node, parent: Node | undefined): void {
    const isCall = parent?.type === 'CallExpression' && parent.callee === name
    const specifier = isCall && parent.arguments[0] ? literalText(parent.arguments[0]) : undefined
    if (specifier === undefined) suspect('require', name, false)
    else {
      survey.requires.add(specifier)
      survey.loads.push({ module: specifier, at: name.start })
    }
  }

  function suspectFunction({ callee }: Node): void {
    if (callee.type === 'Identifier' && callee.name === 'Function') suspect('new Function', callee, false)
  }
}

function isDirectEval(call: Node | undefined, callee: Node): boolean {
  const named = callee.type === 'Identifier' && callee.name === 'eval'
  return named && call?.type === 'CallExpression' && call.callee === callee && !call.optional
}

function literalText(node: Node): string | undefined {
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value
  if (node.type === 'TemplateLiteral' && node.quasis.length === 1) return node.quasis[0].value.cooked
  return undefined
}

function positionIn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split(/\r\n|[\r\n\u2028\u2029]/)
  return { line: before.length - 1, column: (before.at(-1) as string).length }
}
