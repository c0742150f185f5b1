/**
 * Writes what a global variable stands for: what the language and Node define is known by name and Node's major
 * version, what a program put there, added or replaced counts by value.
 */
import { types } from 'node:util'
import { factsOf } from './function.ts'
import { intrinsicName, isKnownGlobal, isNative } from './intrinsics.ts'
import { reach, writePaths } from './paths.ts'
import type { FreeVariable, MemberPath } from './source.ts'
import { TAG } from './tags.ts'
import type { Original, Walk } from './walk.ts'

const { getOwnPropertyDescriptor, getPrototypeOf } = Object

/** Behaviour of the language and of Node may change with it. */
export const MAJOR: string = process.versions.node.split('.', 1)[0]!

/** @param global the global object of the function's realm */
export function writeGlobal(walk: Walk, variable: FreeVariable, global: object): void {
  const { out } = walk
  const { name, paths } = variable
  if ((name === 'globalThis' || name === 'global') && paths !== undefined) {
    // globalThis.x is the global x
    for (const { called, path } of paths) writeGlobal(walk, asVariable(path, called), global)
    return
  }
  const found = ownerOf(global, name)
  if (found === undefined) {
    walk.volatile = true
    return out.tag(TAG.absent)
  }
  const { owner, property } = found
  if (name === 'process' && global === globalThis) return writeProcess(walk, variable)
  if (isKnownGlobal(name) && writeOriginal(walk, owner, name, property)) {
    for (const { path } of paths ?? []) writeMembersOf(walk, property.value, path)
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
    if (property !== undefined) return { owner: at, property }
  }
  return undefined
}

/** What Node's own objects among the globals were when this was loaded. */
const atStart: ReadonlyMap<string, unknown> = new Map(
  ['console', 'crypto', 'localStorage', 'navigator', 'performance', 'process', 'sessionStorage'].map(
    (name) => {
      const property = getOwnPropertyDescriptor(globalThis, name)
      return [name, property?.get ?? property?.value]
    },
  ),
)

/** Writes what is still as the language or Node made it; false, and nothing, for what a program put in its place. */
function writeOriginal(walk: Walk, holder: object, key: string, { get, value }: PropertyDescriptor): boolean {
  const { out } = walk
  const definer: unknown = get ?? value
  let name: string | undefined = key
  if (typeof definer === 'function') {
    if (types.isProxy(definer)) return false
    // one original may have been put in the place of another; a bound function only looks native
    if (isNative(definer)) name = intrinsicName(definer) ?? (get === undefined ? undefined : key)
    else if (factsOf(definer).origin.kind !== 'builtin') return false
  } else if (typeof definer === 'object' && definer !== null) {
    if (atStart.get(key) !== definer) name = intrinsicName(definer)
  }
  if (name === undefined) return false
  walk.originals.push({ holder, key, definer })
  out.tag(TAG.global)
  out.string(MAJOR)
  out.string(name)
  return true
}

/** Whether a property holds what it did. */
export function isAsBefore({ definer, holder, key }: Original): boolean {
  const property = getOwnPropertyDescriptor(holder, key)
  return property !== undefined && (property.get ?? property.value) === definer
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
    const { owner, property } = found
    const { get, value } = property
    const primitive = get === undefined && (value === null || !/^(?:object|function)$/.test(typeof value))
    if (primitive || !writeOriginal(walk, owner, key, property)) {
      if (property.writable !== false || property.configurable) walk.volatile = true
      return walk.member(get ?? value, key)
    }
    holder = value
  }
}

/** `process` is known by name; a variable of the environment, and what says which machine this is, by value. */
function writeProcess(walk: Walk, { paths }: FreeVariable): void {
  const { out } = walk
  out.tag(TAG.global)
  out.string(MAJOR)
  walk.volatile = true
  for (const { path } of paths ?? []) {
    const [first] = path
    out.tag(TAG.path)
    for (const step of path) out.string(step)
    if (first === 'argv') walk.value(process.argv, '.argv')
    else if (first === 'cwd') walk.value(process.cwd(), '.cwd()')
    else if (first === 'env' && path.length === 1) {
      walk.blind.push({ what: 'process.env as a whole', where: walk.path() })
    } else {
      const end = reach(walk, process, { path, called: false })
      if (end?.kind === 'value' && !/^(?:object|function)$/.test(typeof end.value)) walk.value(end.value, '')
      else out.tag(TAG.absent)
    }
  }
}
