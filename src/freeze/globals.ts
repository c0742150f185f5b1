/**
 * Writes what a global variable stands for: what the language and Node define is known by name and Node's major
 * version, what a program put there, added or replaced counts by value.
 */
import { types } from 'node:util'
import { factsOf, givenScopes } from './function.ts'
import { intrinsicName, isKnownGlobal, isNative, NODE_OBJECTS } from './intrinsics.ts'
import { leadsToGlobal } from './lexical.ts'
import { originalProperty } from './marks.ts'
import { reach, writePaths } from './paths.ts'
import type { FreeVariable, MemberPath } from './source.ts'
import { TAG } from './tags.ts'
import type { Original, Walk } from './walk.ts'

const { getOwnPropertyDescriptor, getPrototypeOf } = Object

/** Behaviour of the language and of Node may change with it. */
export const MAJOR: string = process.versions.node.split('.', 1)[0]!

const { DateTimeFormat } = Intl
let conventions: { readonly zone: string | undefined; readonly text: string } | undefined

/** The default time zone and locale. A program can change the zone while it runs. */
export function localConventions(): string {
  const zone = process.env['TZ']
  if (conventions === undefined || conventions.zone !== zone) {
    const { locale, timeZone } = new DateTimeFormat().resolvedOptions()
    conventions = { zone, text: `${timeZone} ${locale}` }
  }
  return conventions.text
}

/** @param global the global object of the function's realm */
export function writeGlobal(walk: Walk, variable: FreeVariable, global: object): void {
  const { out } = walk
  const { name } = variable
  const members = variable.paths ?? variable.reads ?? []
  const found = ownerOf(global, name)
  const isForeign = global !== globalThis
  // a script of that realm may declare a variable that stands before the global, which nobody tells us
  if (isForeign) walk.volatile = true
  if ((name === 'globalThis' || name === 'global') && (isForeign || found?.property.value === global)) {
    if (found !== undefined)
      walk.originals.push({ holder: global, key: name, owner: found.owner, definer: global })
    // globalThis.x is the global x
    for (const { called, path } of members) writeGlobal(walk, asVariable(path, called), global)
    if (variable.paths === undefined) walk.blind.push({ what: `${name} as a whole`, where: walk.path() })
    return out.tag(TAG.global)
  }
  if (found === undefined) {
    walk.volatile = true
    return out.tag(TAG.absent)
  }
  const { property } = found
  if (name === 'process' && global === globalThis) return writeProcess(walk, variable)
  if (isKnownGlobal(name) && writeOriginal(walk, global, name, found)) {
    const value: unknown =
      property.get === undefined || /Storage$/.test(name) ? property.value : property.get.call(global)
    for (const { path } of members) writeMembersOf(walk, value, path)
    return
  }
  walk.volatile = true
  if (property.get !== undefined || property.set !== undefined) {
    return walk.value(property.get, ` → get ${name}`)
  }
  if (!writePaths(walk, variable, property.value)) walk.value(property.value, ` → ${name}`)
}

function asVariable([name, ...rest]: readonly string[], called: boolean): FreeVariable {
  const paths: readonly MemberPath[] = [{ path: rest, called }]
  return { name: name!, assigned: false, typeofOnly: false, ...(rest.length > 0 && { paths }) }
}

interface Owned {
  readonly owner: object
  readonly property: PropertyDescriptor
}

/** A property and the object, of a chain of prototypes, that has it. */
function ownerOf(holder: object, key: string): Owned | undefined {
  for (let at: object | null = holder; at !== null; at = getPrototypeOf(at)) {
    if (types.isProxy(at)) return undefined
    const property = getOwnPropertyDescriptor(at, key)
    if (property !== undefined) return { owner: at, property: originalProperty(property) }
  }
  return undefined
}

const CONSTANTS: ReadonlySet<string> = new Set(['Infinity', 'NaN', 'undefined'])

/** What each global was when this was loaded; those that Node makes at first use are not there yet. */
const functionsAtStart: ReadonlyMap<string, unknown> = new Map(
  Object.getOwnPropertyNames(globalThis).flatMap((name) => {
    const value: unknown = getOwnPropertyDescriptor(globalThis, name)!.value
    return typeof value === 'function' ? [[name, value] as const] : []
  }),
)

const isAsAtStart = (key: string, { value }: PropertyDescriptor): boolean =>
  value === undefined || !functionsAtStart.has(key) || functionsAtStart.get(key) === value

/** What Node's own objects among the globals were when this was loaded. */
const atStart: ReadonlyMap<string, unknown> = new Map(
  [...NODE_OBJECTS].map((name) => {
    const property = getOwnPropertyDescriptor(globalThis, name)
    return [name, property?.get ?? property?.value]
  }),
)

/** Writes what is still as the language or Node made it; false, and nothing, for what a program put in its place. */
function writeOriginal(walk: Walk, holder: object, key: string, { owner, property }: Owned): boolean {
  const { out } = walk
  const { get, value } = property
  const definer: unknown = get ?? value
  let name: string | undefined = key
  if (typeof definer === 'function') {
    if (types.isProxy(definer)) return false
    if (holder === globalThis && !isAsAtStart(key, property)) return false
    // one original may have been put in the place of another; a bound function only looks native
    if (isNative(definer)) name = nativeName(definer, holder, key)
    else if (!isMadeByNode(definer, key, get !== undefined)) return false
  } else if (typeof definer === 'object' && definer !== null) {
    if (atStart.get(key) !== definer) name = intrinsicName(definer)
  } else if (!CONSTANTS.has(key)) return false
  if (name === undefined) return false
  walk.originals.push({ holder, key, owner, definer })
  out.tag(TAG.global)
  out.string(MAJOR)
  out.string(name)
  return true
}

/** A function of Node's by its own name, and no wrapper around something that a program gave it. */
function isMadeByNode(definer: Function, key: string, isGetter: boolean): boolean {
  const facts = factsOf(definer)
  if (facts.origin.kind !== 'builtin') return false
  if (isGetter) return true
  // a class has a scope of its own, and wraps nothing
  const isClass = getOwnPropertyDescriptor(definer, 'prototype')?.writable === false
  return (definer.name === key || definer.name === '') && (isClass || givenScopes(facts) <= 0)
}

/** The name of a native function: of a global its own, made by Node at first use or before; undefined for a bound one. */
function nativeName(fn: Function, holder: object, key: string): string | undefined {
  const isOwn = holder === globalThis && fn.name === key
  const known = isOwn ? undefined : intrinsicName(fn)
  if (known !== undefined) return known
  if (factsOf(fn).internals.bound !== undefined) return undefined
  return isOwn ? key : `native ${fn.name}`
}

/** Whether a property holds what it did, and nothing nearer hides it: of a global, a variable that a script declared since. */
export function isAsBefore({ definer, holder, key, owner }: Original): boolean {
  const found = ownerOf(holder, key)
  if (found?.owner !== owner || (found.property.get ?? found.property.value) !== definer) return false
  return holder !== globalThis || leadsToGlobal(key)
}

/** The members of a global along a path: the originals by name, the rest by what it is. */
function writeMembersOf(walk: Walk, global: unknown, path: readonly string[]): void {
  let holder = global
  for (const key of path) {
    if ((typeof holder !== 'object' && typeof holder !== 'function') || holder === null) return
    const found = ownerOf(holder, key)
    if (found === undefined) {
      walk.volatile = true
      return walk.out.tag(TAG.absent)
    }
    const { property } = found
    const { get, value } = property
    const primitive = get === undefined && (value === null || !/^(?:object|function)$/.test(typeof value))
    if (primitive || !writeOriginal(walk, holder, key, found)) {
      if (property.writable !== false || property.configurable) walk.volatile = true
      return walk.member(get ?? value, key)
    }
    holder = value
  }
}

/** A variable that holds what the language defines, such as `Math`: its name, and the members read from it. */
export function writeIntrinsic(walk: Walk, { paths, reads = [] }: FreeVariable, value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const name = intrinsicName(value)
  if (name === undefined) return false
  walk.out.tag(TAG.intrinsic)
  walk.out.string(MAJOR)
  walk.out.string(name)
  for (const { path } of paths ?? reads) writeMembersOf(walk, value, path)
  return true
}

/** `process` is known by name; a variable of the environment, and what says which machine this is, by value. */
export function writeProcess(walk: Walk, { paths, reads = [] }: FreeVariable): void {
  const members = paths ?? reads
  const { out } = walk
  out.tag(TAG.global)
  out.string(MAJOR)
  walk.volatile = true
  if (paths === undefined) walk.blind.push({ what: 'process as a whole', where: walk.path() })
  for (const { path } of members) {
    const [first] = path
    out.tag(TAG.path)
    for (const step of path) out.string(step)
    if (first === 'argv') walk.value(process.argv, '.argv')
    else if (first === 'cwd') walk.value(process.cwd(), '.cwd()')
    else if (first === 'env' && path.length === 1) {
      walk.blind.push({ what: 'process.env as a whole', where: walk.path() })
    } else {
      if (first === 'env' && path.length === 2) walk.environment.push(path[1]!)
      const end = reach(walk, process, { path, called: false })
      const own = first === undefined ? undefined : ownerOf(process, first)
      if (end?.kind === 'value' && !/^(?:object|function)$/.test(typeof end.value)) walk.value(end.value, '')
      else if (own === undefined || first === undefined) out.tag(TAG.absent)
      else if (typeof own.property.value === 'function') {
        if (!writeOriginal(walk, process, first, own)) walk.member(own.property.value, first)
      } else if (end?.kind === 'value' && (Array.isArray(end.value) || isRecord(end.value))) {
        walk.member(end.value, first)
      }
    }
  }
}

/** `process.versions`, `process.release` and the like, or a part of them. */
const isRecord = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !types.isProxy(value) &&
  (getPrototypeOf(value) === Object.prototype || getPrototypeOf(value) === null)
