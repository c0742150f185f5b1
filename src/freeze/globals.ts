/**
 * Writes what a global variable stands for: what the language and Node define is known by name and Node's major
 * version, what a program put there or replaced counts by value.
 */
import { types } from 'node:util'
import { factsOf } from './function.ts'
import { intrinsicName, isKnownGlobal, isNative } from './intrinsics.ts'
import { propertyOf, reach, writePaths } from './paths.ts'
import type { FreeVariable } from './source.ts'
import { TAG } from './tags.ts'
import type { Original, Walk } from './walk.ts'

const { getOwnPropertyDescriptor } = Object

/** Behaviour of the language and of Node may change with it. */
export const MAJOR: string = process.versions.node.split('.', 1)[0]!

export function writeGlobal(walk: Walk, variable: FreeVariable, global: object): void {
  const { out } = walk
  const { name } = variable
  const property = propertyOf(global, name)
  if (property === undefined || property === 'hidden') {
    walk.volatile = true
    return out.tag(TAG.absent)
  }
  if (name === 'process' && global === globalThis) return writeProcess(walk, variable)
  if (isKnownGlobal(name) && writeOriginal(walk, global, name, property)) {
    for (const { path } of variable.paths ?? []) writeMember(walk, property.value, path)
    return
  }
  walk.volatile = true
  if (property.get !== undefined || property.set !== undefined)
    return walk.value(property.get, ` → get ${name}`)
  if (!writePaths(walk, variable, property.value)) walk.value(property.value, ` → ${name}`)
}

/** Writes what is still as the language or Node made it; false, and nothing, for what a program put in its place. */
function writeOriginal(walk: Walk, holder: object, key: string, { get, value }: PropertyDescriptor): boolean {
  const { out } = walk
  const definer: unknown = get ?? value
  let name = key
  if (typeof definer === 'function') {
    if (types.isProxy(definer)) return false
    // one original may have been put in the place of another
    if (isNative(definer)) name = intrinsicName(definer) ?? key
    else if (factsOf(definer, () => walk.path()).origin.kind !== 'builtin') return false
  }
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

/** A method or static function of a global: the original by name, a replacement by what it is. */
function writeMember(walk: Walk, global: unknown, [key]: readonly string[]): void {
  if ((typeof global !== 'object' && typeof global !== 'function') || global === null) return
  const member = key === undefined ? undefined : getOwnPropertyDescriptor(global, key)
  if (key === undefined || typeof member?.value !== 'function') return
  if (writeOriginal(walk, global, key, member)) return
  walk.volatile = true
  walk.out.tag(TAG.path)
  walk.out.string(key)
  walk.member(member.value, key)
}

/** `process` is known by name; a variable of the environment, and what says which machine this is, by value. */
function writeProcess(walk: Walk, { paths }: FreeVariable): void {
  const { out } = walk
  out.tag(TAG.global)
  out.string(MAJOR)
  for (const { path } of paths ?? []) {
    if (path[0] === 'argv') {
      walk.value(process.argv, '.argv')
      continue
    }
    const end = reach(walk, process, { path, called: false })
    if (end?.kind !== 'value' || typeof end.value === 'object' || typeof end.value === 'function') continue
    walk.volatile = true
    out.tag(TAG.path)
    for (const step of path) out.string(step)
    walk.value(end.value, '')
  }
}
