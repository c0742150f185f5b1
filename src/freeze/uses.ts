/**
 * Where a function of the user names what makes it impure (see impurity.ts), by whatever name it goes there: a global, an
 * import, what `require` gave, an alias. For advice only: it neither enters a digest nor decides anything.
 */
import { types } from 'node:util'
import type { Bindings, FunctionFacts, ParsedText } from './function.ts'
import { factsOf } from './function.ts'
import { dottedName, impureName } from './impurity.ts'
import { builtinModuleName, intrinsicName, isNative } from './intrinsics.ts'
import { originalOf, originalProperty } from './marks.ts'
import { whereAt } from './place.ts'
import type { Mention } from './source.ts'

const { getOwnPropertyDescriptor, getPrototypeOf } = Object
// as it was before anything stood in its place
const { Date: Clock } = globalThis

/** Something impure that a function uses. */
export interface Use {
  /** `Date.now`, `new Date()`, `fs.readFileSync`, `process.env`. */
  readonly what: string
  /** `src/fit.ts:12`, from the folder of the nearest package.json; of code without a file, its function's name. */
  readonly where: string
  /** The function has a name of its own for it (`const { now } = Date`), which leads there whatever becomes of the original. */
  readonly held?: boolean
}

const NONE: readonly Use[] = []
const known = new WeakMap<Function, readonly Use[]>()

/** What a function itself uses, each thing once, at the first place; looked for once. */
export function usesIn(
  fn: Function,
  facts: FunctionFacts,
  source: ParsedText,
  bindings: Bindings,
): readonly Use[] {
  const before = known.get(fn)
  if (before !== undefined) return before
  let uses = NONE
  try {
    uses = find(fn, facts, source, bindings)
  } catch {
    // advice only
  }
  known.set(fn, uses)
  return uses
}

function find(fn: Function, facts: FunctionFacts, source: ParsedText, bindings: Bindings): readonly Use[] {
  const uses = new Map<string, Use>()
  for (const mention of source.mentions) {
    const lead = leadOf(mention, facts, bindings)
    const what = lead && named(lead, mention)
    if (what === undefined || uses.has(what)) continue
    uses.set(what, { what, where: placeOf(fn, facts, source, mention.at), ...(lead!.held && { held: true }) })
  }
  return uses.size === 0 ? NONE : [...uses.values()]
}

const places = new WeakMap<ParsedText, Map<string, string>>()

/** Closures made again and again have the same text at the same place. */
function placeOf(fn: Function, facts: FunctionFacts, source: ParsedText, at: number): string {
  const { location } = facts.internals
  const key = `${location?.scriptId} ${location?.line} ${location?.column} ${at}`
  let known = places.get(source)
  if (known === undefined) {
    known = new Map()
    places.set(source, known)
  }
  let place = known.get(key)
  if (place === undefined) {
    place = whereAt(fn, facts, at)
    known.set(key, place)
  }
  return place
}

/** The same without repetitions: a class and its methods have the same text. */
export const distinct = (uses: readonly Use[]): readonly Use[] => [
  ...new Map(uses.map((use) => [`${use.what} ${use.where}`, use])).values(),
]

/** What a mention leads to: something with a name, and the members from there. */
interface Lead {
  readonly root: string
  readonly path: readonly string[]
  readonly held?: boolean
}

function leadOf(mention: Mention, facts: FunctionFacts, bindings: Bindings): Lead | undefined {
  if ('module' in mention) return { root: dottedName(mention.module, []), path: [] }
  const { name, path } = mention
  const binding = facts.blind ? undefined : bindings.read({ name })
  if (binding === undefined || binding.kind === 'global') return ofGlobal(name, path, facts.internals.global)
  if (binding.kind === 'uninitialised') return undefined
  const { imported, value } = binding
  if (imported?.from.startsWith('node:')) {
    const root = imported.from.slice('node:'.length)
    const member = imported.name === '*' || imported.name === 'default' ? [] : [imported.name]
    const lead: Lead = { root, path: [...member, ...path] }
    if (named(lead, mention) !== undefined) return lead
  }
  return ofValue(value, path)
}

/** Objects and functions that the language and Node define as globals. */
const GLOBAL = /^(?:Date|Math|performance|crypto|process|fetch|WebSocket|EventSource)$/

function ofGlobal(name: string, path: readonly string[], global: object): Lead | undefined {
  if (name === 'globalThis' || name === 'global')
    return path.length === 0 ? undefined : ofGlobal(path[0]!, path.slice(1), global)
  const property = getOwnPropertyDescriptor(global, name)
  if (property === undefined) return undefined
  const { get, value } = originalProperty(property)
  if (GLOBAL.test(name) && isNodes(get ?? value)) return { root: name, path }
  return get === undefined ? ofValue(value, path) : undefined
}

/** Whether the language or Node made it: what a program put in its place is walked as its own. */
export function isNodes(definer: unknown): boolean {
  if (typeof definer !== 'function') return true
  if (types.isProxy(definer)) return false
  if (isNative(definer)) return true
  const { blind, origin } = factsOf(definer)
  return blind || origin.kind === 'builtin'
}

/** Follows a path through data properties until something has a name. */
function ofValue(start: unknown, path: readonly string[]): Lead | undefined {
  let value = start
  for (let index = 0; ; index++) {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
    if (types.isProxy(value)) return undefined
    const root = nameOf(value)
    if (root !== undefined)
      return { root, path: path.slice(index), held: typeof value === 'function' && value !== Clock }
    if (index === path.length) return undefined
    value = memberOf(value, path[index]!)
  }
}

/** The impure name of a captured value that is known by one: of a function that `promisify` was given. */
export function nameOfHeld(value: unknown): string | undefined {
  const lead = typeof value === 'function' ? ofValue(value, []) : undefined
  return lead && impureName(lead.root)
}

function memberOf(holder: object, key: string): unknown {
  for (let at: object | null = holder; at !== null && !types.isProxy(at); at = getPrototypeOf(at)) {
    try {
      const property = getOwnPropertyDescriptor(at, key)
      if (property !== undefined) return originalOf<unknown>(property.value)
    } catch {
      // a namespace whose module has not initialised that export yet
      return undefined
    }
  }
  return undefined
}

/** `Date`, `fs`, `fs.readFileSync` for the objects and functions that are known by such a name. */
function nameOf(value: object): string | undefined {
  if (value === process) return 'process'
  if (value === Clock || value === Math) return value === Clock ? 'Date' : 'Math'
  const module = moduleOf(value)
  if (module !== undefined) return dottedName(module, [])
  if (typeof value === 'function') {
    const name = functionNames().get(value)
    if (name !== undefined && isNodes(value)) return name
    return isNative(value) ? intrinsicName(value) : undefined
  }
  const maker: unknown = memberOf(value, 'constructor')
  if (typeof maker !== 'function' || types.isProxy(maker)) return undefined
  const object = maker.name === 'Performance' ? 'performance' : maker.name === 'Crypto' ? 'crypto' : undefined
  return object !== undefined && isNodes(maker) ? object : undefined
}

function moduleOf(value: object): string | undefined {
  const module = types.isModuleNamespaceObject(value) ? memberOf(value, 'default') : value
  return typeof module === 'object' && module !== null ? builtinModuleName(module) : undefined
}

const MODULES =
  'fs fs/promises child_process crypto os http https http2 net dgram dns dns/promises tls perf_hooks'.split(
    ' ',
  )

let names: { readonly of: ReadonlyMap<unknown, string>; readonly loaded: number } | undefined

/** Functions that Node's modules have where they export theirs, of those that are loaded: to look at each of them takes 30 ms. */
function functionNames(): ReadonlyMap<unknown, string> {
  const loaded = (process as unknown as { moduleLoadList: readonly string[] }).moduleLoadList
  if (names?.loaded === loaded.length) return names.of
  const found = new Map<unknown, string>()
  for (const module of MODULES) {
    if (!loaded.includes(`NativeModule ${module}`)) continue
    const exported = Object.getOwnPropertyDescriptors(process.getBuiltinModule(module) as object)
    for (const [key, property] of Object.entries(exported)) {
      const { value } = originalProperty(property)
      if (typeof value === 'function') found.set(value, dottedName(module, [key]))
    }
  }
  for (const key of ['hrtime', 'memoryUsage', 'uptime', 'cpuUsage', 'resourceUsage'] as const)
    found.set(originalOf(process[key]), `process.${key}`)
  names = { of: found, loaded: loaded.length }
  return found
}

/** The impure thing that is used. */
function named({ path, root }: Lead, mention: Mention): string | undefined {
  if (root !== 'Date' || path.length > 0) return impureName(dottedName(root, path))
  if ('module' in mention || mention.as === 'value') return undefined
  return mention.as === 'new' ? 'new Date()' : 'Date()'
}
