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

/** Something impure that a function uses. */
export interface Use {
  /** `Date.now`, `new Date()`, `fs.readFileSync`, `process.env`. */
  readonly what: string
  /** `src/fit.ts:12`, from the folder of the nearest package.json; of code without a file, its function's name. */
  readonly where: string
}

const NONE: readonly Use[] = []
const known = new WeakMap<Function, readonly Use[]>()

/** What a function itself uses, each thing once, at the first place; looked for once. */
export function usesIn(
  fn: Function,
  facts: FunctionFacts,
  { mentions }: ParsedText,
  bindings: Bindings,
): readonly Use[] {
  const before = known.get(fn)
  if (before !== undefined) return before
  const places = new Map<string, Mention>()
  for (const mention of mentions) {
    const what = whatOf(mention, facts, bindings)
    if (what !== undefined && !places.has(what)) places.set(what, mention)
  }
  const uses =
    places.size === 0
      ? NONE
      : [...places].map(([what, { at }]): Use => ({ what, where: whereAt(fn, facts, at) }))
  known.set(fn, uses)
  return uses
}

/** The same without repetitions: a class and its methods have the same text. */
export const distinct = (uses: readonly Use[]): readonly Use[] => [
  ...new Map(uses.map((use) => [`${use.what} ${use.where}`, use])).values(),
]

function whatOf(mention: Mention, facts: FunctionFacts, bindings: Bindings): string | undefined {
  if ('module' in mention) return impureName(dottedName(mention.module, []))
  const { name } = mention
  const binding = facts.blind ? undefined : bindings.read({ name })
  if (binding === undefined || binding.kind === 'global') return ofGlobal(name, mention.path, mention, facts)
  if (binding.kind === 'uninitialised') return undefined
  const { imported, value } = binding
  if (imported?.from.startsWith('node:')) {
    const member = imported.name === '*' || imported.name === 'default' ? [] : [imported.name]
    const found = named(imported.from.slice('node:'.length), [...member, ...mention.path], mention)
    if (found !== undefined) return found
  }
  return ofValue(value, mention.path, mention)
}

/** Objects and functions that the language and Node define as globals. */
const GLOBAL = /^(?:Date|Math|performance|crypto|process|fetch|WebSocket|EventSource)$/

function ofGlobal(
  name: string,
  path: readonly string[],
  mention: Mention,
  { internals: { global } }: FunctionFacts,
): string | undefined {
  if (name === 'globalThis' || name === 'global') {
    return path.length === 0
      ? undefined
      : ofGlobal(path[0]!, path.slice(1), mention, { internals: { global } } as FunctionFacts)
  }
  const property = getOwnPropertyDescriptor(global, name)
  if (property === undefined) return undefined
  const { get, value } = originalProperty(property)
  if (GLOBAL.test(name) && isNodes(get ?? value)) return named(name, path, mention)
  return get === undefined ? ofValue(value, path, mention) : undefined
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
function ofValue(root: unknown, path: readonly string[], mention: Mention): string | undefined {
  let value = root
  for (let index = 0; ; index++) {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
    if (types.isProxy(value)) return undefined
    const name = nameOf(value)
    if (name !== undefined) return named(name, path.slice(index), mention)
    if (index === path.length) return undefined
    value = memberOf(value, path[index]!)
  }
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
  if (value === Date || value === Math) return value === Date ? 'Date' : 'Math'
  const module = moduleOf(value)
  if (module !== undefined) return dottedName(module, [])
  if (typeof value === 'function')
    return functionNames().get(value) ?? (isNative(value) ? intrinsicName(value) : undefined)
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

/** Functions that Node's modules export, of those that are loaded. */
function functionNames(): ReadonlyMap<unknown, string> {
  const loaded = (process as unknown as { moduleLoadList: readonly string[] }).moduleLoadList
  if (names?.loaded === loaded.length) return names.of
  const found = new Map<unknown, string>()
  for (const module of MODULES) {
    if (!loaded.includes(`NativeModule ${module}`)) continue
    const exported = Object.getOwnPropertyDescriptors(process.getBuiltinModule(module) as object)
    for (const [key, property] of Object.entries(exported)) {
      const { value } = originalProperty(property)
      if (typeof value === 'function' && isNodes(value)) found.set(value, dottedName(module, [key]))
    }
  }
  for (const key of ['hrtime', 'memoryUsage', 'uptime', 'cpuUsage', 'resourceUsage'] as const)
    if (isNodes(originalOf(process[key]))) found.set(originalOf(process[key]), `process.${key}`)
  names = { of: found, loaded: loaded.length }
  return found
}

/** What is used when a path is followed from something of that name. */
function named(root: string, path: readonly string[], mention: Mention): string | undefined {
  if (root === 'Date' && path.length === 0 && 'name' in mention) {
    if (mention.as === 'new') return 'new Date()'
    return mention.as === 'call' ? 'Date()' : undefined
  }
  return impureName(dottedName(root, path))
}
