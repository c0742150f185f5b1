/**
 * What a function is: where its code comes from, its normalised syntax, and what each of its free variables is bound
 * to right now. Reads each function's text once, and of its variables only those again that may change.
 *
 * A binding counts as constant when nothing in its script can write it after initialisation; see script.ts. Of
 * everything else the value is read anew on each walk.
 */
import { FreezeError } from '../errors.ts'
import { warn } from '../events.ts'
import { hashBytes } from './digest.ts'
import {
  canInspect,
  type Internals,
  internalsOf,
  type Scope,
  type Script,
  scriptAt,
  scriptOf,
} from './inspect.ts'
import { isNative } from './intrinsics.ts'
import { readOnce } from './kept.ts'
import { leadsToGlobal } from './lexical.ts'
import { originalOf } from './marks.ts'
import { type Origin, originOf, packageOf, pathOf } from './origin.ts'
import { type ScriptFacts, scriptFacts } from './script.ts'
import { type FreeVariable, FUNCTION, type FunctionSource } from './source.ts'

/** What is known of a function from its first look on. */
export interface FunctionFacts {
  readonly origin: Origin
  /** URL or path of the script, empty for code without a file. */
  readonly url: string
  readonly script: ScriptFacts | undefined
  readonly internals: Internals
  /** The walk in which the internals were read. */
  readonly walk: number
  /** V8 does not show what it captures. */
  readonly blind: boolean
  readonly native: boolean
  /** Digest of the text as it stands. */
  readonly text: Uint8Array
  /** Whether the text has the word `this` or `super`: quicker than parsing, and never wrongly false. */
  readonly mentionsThis: boolean
}

/** A free variable and what it is bound to. */
export type Binding =
  | {
      readonly kind: 'value'
      readonly value: unknown
      readonly constant: boolean
      readonly imported?: PackageImport
    }
  | { readonly kind: 'uninitialised' }
  | { readonly kind: 'global' }

/** A variable imported from a package or from Node. */
export interface PackageImport {
  readonly from: string
  readonly name: string
}

const known = new WeakMap<Function, FunctionFacts>()
const texts = new Map<string, ParsedText>()
const scripts = new WeakMap<Script, ScriptFacts>()
/** Texts kept parsed; with more than these, all are parsed again. */
const MOST_TEXTS = 20_000

const functionText = Function.prototype.toString
const NOTHING_SHOWN: Internals = { scopes: [], global: globalThis }

let walk = 0

/** To be called when a walk begins: variables read in earlier ones may have changed. */
export function beginWalk(): void {
  walk++
}

/** The facts about a function. */
export function factsOf(fn: Function): FunctionFacts {
  const before = known.get(fn)
  if (before !== undefined) return before
  const blind = !canInspect()
  if (blind) {
    const why =
      'what functions capture is not shown (the inspector is refused, as under the permission model)'
    warn(
      'WARN_NO_INSPECTOR',
      '',
      `permafrost: ${why}; functions that capture anything run uncached, unless the "version" option identifies them`,
    )
  }
  const text = functionText.call(fn)
  const native = isNative(fn)
  const internals = blind ? NOTHING_SHOWN : internalsOf(fn)
  const location = internals.location
  const script = location && scriptOf(location.scriptId)
  const url = script?.url ?? ''
  const facts: FunctionFacts = {
    origin: originOf(url),
    url,
    script: script && parsedScript(script),
    internals,
    blind,
    walk,
    native,
    text: digestOf(text),
    mentionsThis: native || mentionsThis(text),
  }
  known.set(fn, facts)
  return facts
}

const digestOf = (text: string): Uint8Array => hashBytes(Buffer.from(text, 'utf16le'))
/** `eval` may be spelled with escapes. */
const mentionsThis = (text: string): boolean => /\b(?:this|super|eval)\b|\\u/.test(text)

function parsedScript(script: Script): ScriptFacts | undefined {
  if (script.source === undefined) return undefined
  let facts = scripts.get(script)
  if (facts === undefined) {
    facts = scriptFacts(script.source, script.start)
    scripts.set(script, facts)
  }
  return facts
}

/** What a function's text says, with the digest of its syntax. */
export interface ParsedText extends Omit<FunctionSource, 'syntax'> {
  readonly digest: Uint8Array
}

/** The parsed text of a function. Equal texts are parsed once. */
export function parsedText(fn: Function, path: () => string): ParsedText {
  const text = functionText.call(fn)
  let parsed = texts.get(text)
  if (parsed === undefined) {
    try {
      const data = readOnce(text, FUNCTION)!
      parsed = { ...data, digest: Buffer.from(data.digest, 'hex') }
    } catch (error) {
      throw new FreezeError('a function whose text does not parse', path(), { cause: error })
    }
    if (texts.size >= MOST_TEXTS) texts.clear()
    texts.set(text, parsed)
  }
  return parsed
}

/** Whether an import of a module of Node's is what that exports now: mocks replace exports. True for anything else. */
export function isExportedStill(binding: Binding): boolean {
  if (binding.kind !== 'value' || !binding.imported?.from.startsWith('node:')) return true
  const { imported, value } = binding
  if (imported.name === '*' || imported.name === 'default') return true
  const exported = process.getBuiltinModule(imported.from) as Record<string, unknown>
  return originalOf(exported[imported.name]) === value
}

const constants = new WeakMap<Function, Map<string, Binding>>()
const GLOBAL: Binding = { kind: 'global' }

/** Reads the variables of one function during one walk, looking at its scopes at most once. */
export class Bindings {
  readonly #fn: Function
  readonly #facts: FunctionFacts
  readonly #constants: Map<string, Binding>
  #scopes: readonly Scope[] | undefined

  constructor(fn: Function, facts: FunctionFacts) {
    this.#fn = fn
    this.#facts = facts
    let before = constants.get(fn)
    if (before === undefined) {
      before = new Map()
      constants.set(fn, before)
    }
    this.#constants = before
  }

  /** All variables of all scopes, for code that reaches them by name at run time (`eval`, `with`). */
  names(): readonly string[] {
    const names = new Set<string>()
    for (const { variables } of this.#now()) for (const name of Object.keys(variables)) names.add(name)
    return [...names].sort()
  }

  /** @param scopes how many of the scopes, from the innermost, count; the rest is left to the package's version. */
  read(variable: Pick<FreeVariable, 'name'>, scopes: number = Number.POSITIVE_INFINITY): Binding | undefined {
    const { name } = variable
    const before = this.#constants.get(name)
    if (before !== undefined && (before === GLOBAL ? leadsToGlobal(name) : isExportedStill(before)))
      return before
    const found = this.#find(name)
    if (found === undefined) {
      if (this.#isClosedTo(name)) this.#constants.set(name, GLOBAL)
      return GLOBAL
    }
    if (found.depth >= scopes) return undefined
    let value: unknown
    try {
      value = originalOf(found.scope.variables[name])
    } catch {
      return { kind: 'uninitialised' }
    }
    const imported = found.scope.kind === 'Module' ? this.#facts.script?.imports.get(name) : undefined
    const from = imported && packageOf(imported.specifier, this.#facts.url)
    const binding: Binding & { readonly kind: 'value' } = {
      kind: 'value',
      value,
      constant: value !== undefined && (from !== undefined || this.#isConstant(name, found.scope)),
      ...(imported && from !== undefined && { imported: { from, name: imported.imported } }),
    }
    if (!binding.constant) return binding
    if (!isExportedStill(binding)) return { ...binding, constant: false }
    this.#constants.set(name, binding)
    if (imported === undefined && found.scope.kind === 'Module') this.#introduce(name, value, found.depth)
    return binding
  }

  /**
   * What is known of a function of the same module from its declaration, without a question to V8, which takes 0.1 ms: a variable
   * that nothing writes again holds the function that it was declared to be.
   */
  #introduce(name: string, value: unknown, depth: number): void {
    if (typeof value !== 'function' || known.has(value)) return
    const { internals, script } = this.#facts
    const { location } = internals
    const declared = script?.declaredAs(name)
    const text = functionText.call(value)
    if (location === undefined || declared?.text !== text) return
    known.set(value, {
      ...this.#facts,
      internals: {
        location: { scriptId: location.scriptId, line: declared.line, column: declared.column },
        scopes: this.#now().slice(depth),
        global: internals.global,
      },
      walk,
      native: false,
      text: digestOf(text),
      mentionsThis: mentionsThis(text),
    })
  }

  /** Whether no scope around the function can come to have a variable of that name: only code made at run time adds some. */
  #isClosedTo(name: string): boolean {
    const { internals, script, url } = this.#facts
    return (
      script !== undefined &&
      !script.isReassigned(name) &&
      pathOf(url) !== undefined &&
      internals.global === globalThis &&
      this.#now().every(({ kind }) => kind !== 'With' && kind !== 'Eval')
    )
  }

  #find(name: string): { readonly scope: Scope; readonly depth: number } | undefined {
    const scopes = this.#now()
    for (let depth = 0; depth < scopes.length; depth++) {
      if (Object.hasOwn(scopes[depth]!.variables, name)) return { scope: scopes[depth]!, depth }
    }
    return undefined
  }

  /** The walk that first met the function has just read its scopes; later ones look again. */
  #now(): readonly Scope[] {
    this.#scopes ??= this.#facts.walk === walk ? this.#facts.internals.scopes : internalsOf(this.#fn).scopes
    return this.#scopes
  }

  #isConstant(name: string, scope: Scope): boolean {
    const { script, url } = this.#facts
    if (script === undefined || scope.kind === 'Script' || scope.kind === 'With' || scope.kind === 'Eval')
      return false
    // code made by eval closes over variables that other scripts write
    if (pathOf(url) === undefined) return false
    if (scope.kind === 'Module') {
      const imported = script.imports.get(name)
      if (imported !== undefined) {
        return imported.imported === '*' || isConstantExport(imported.specifier, imported.imported, url, 0)
      }
    }
    return !script.isReassigned(name)
  }
}

/** Re-exports are followed this far; beyond, the variable is simply read again on each call. */
const MOST_REEXPORTS = 10

/** Whether the module that `specifier` names from `url` never writes what it exports under that name. */
function isConstantExport(specifier: string, name: string, url: string, hops: number): boolean {
  if (hops > MOST_REEXPORTS) return false
  if (packageOf(specifier, url) !== undefined) return true
  const target =
    /^\.{0,2}\//.test(specifier) || specifier.startsWith('file:') ? urlOf(specifier, url) : undefined
  const script = target === undefined ? undefined : scriptAt(target)
  const facts = script && parsedScript(script)
  if (facts === undefined) return false
  const exported = facts.exports.get(name)
  if (exported === undefined) {
    return facts.starExports.length === 1 && isConstantExport(facts.starExports[0]!, name, target!, hops + 1)
  }
  if ('specifier' in exported) {
    return (
      exported.imported === '*' || isConstantExport(exported.specifier, exported.imported, target!, hops + 1)
    )
  }
  const imported = facts.imports.get(exported.local)
  if (imported !== undefined) {
    return (
      imported.imported === '*' || isConstantExport(imported.specifier, imported.imported, target!, hops + 1)
    )
  }
  return !facts.isReassigned(exported.local)
}

function urlOf(specifier: string, base: string): string | undefined {
  try {
    return new URL(specifier, base).href
  } catch {
    return undefined
  }
}

/**
 * How many scopes of a package's or of Node's function, from the innermost, hold what a caller gave it rather than what
 * its module made: all but the module's own. A CommonJS module's own scope is a closure like others; it is known by
 * the wrapper's variables, and in doubt it counts as given.
 */
export function givenScopes({ origin, internals }: FunctionFacts): number {
  const { scopes } = internals
  // a bundled CommonJS module is a closure in the midst of others
  const bundled = scopes.findIndex(
    (scope) => Object.hasOwn(scope.variables, 'exports') && Object.hasOwn(scope.variables, 'module'),
  )
  if (bundled >= 0) return bundled
  const last = scopes[scopes.length - 1]
  if (last === undefined) return 0
  if (last.kind === 'Module' || origin.kind === 'builtin') return scopes.length - 1
  const wrapper = ['exports', 'require', 'module', '__filename', '__dirname']
  return wrapper.some((name) => Object.hasOwn(last.variables, name)) ? scopes.length - 1 : scopes.length
}
