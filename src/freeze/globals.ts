/**
 * Writes what a global variable stands for: what the language and Node define is known by name and Node's major
 * version, what a program put there or replaced counts by value.
 */
import { types } from 'node:util'
import { factsOf } from './function.ts'
import { isKnownGlobal, isNative } from './intrinsics.ts'
import { propertyOf, reach, writePaths } from './paths.ts'
import type { FreeVariable } from './source.ts'
import { TAG } from './tags.ts'
import type { Walk } from './walk.ts'

/** Behaviour of the language and of Node may change with it. */
export const MAJOR: string = process.versions.node.split('.', 1)[0]!

export function writeGlobal(walk: Walk, variable: FreeVariable): void {
  const { out } = walk
  const { name } = variable
  const property = propertyOf(globalThis, name)
  if (property === undefined || property === 'hidden') {
    walk.volatile = true
    return out.tag(TAG.absent)
  }
  if (name === 'process') return writeProcess(walk, variable)
  if (isKnownGlobal(name) && isOriginal(walk, property)) {
    out.tag(TAG.global)
    out.string(MAJOR)
    for (const { path } of variable.paths ?? []) writePatched(walk, property.value, path)
    return
  }
  walk.volatile = true
  if (property.get !== undefined || property.set !== undefined)
    return walk.value(property.get, ` → get ${name}`)
  if (!writePaths(walk, variable, property.value)) walk.value(property.value, ` → ${name}`)
}

/** Whether a known global is still what the language or Node made it. */
function isOriginal(walk: Walk, { get, value }: PropertyDescriptor): boolean {
  const definer: unknown = get ?? value
  if (typeof definer !== 'function') return true
  if (isNative(definer)) return true
  return !types.isProxy(definer) && factsOf(definer, () => walk.path()).origin.kind === 'builtin'
}

/** A member of a global that a program replaced counts as what it is now. */
function writePatched(walk: Walk, global: unknown, path: readonly string[]): void {
  if ((typeof global !== 'object' && typeof global !== 'function') || global === null || path.length === 0)
    return
  const member = propertyOf(global, path[0]!)
  if (member === undefined || member === 'hidden' || typeof member.value !== 'function') return
  if (isOriginal(walk, member)) return
  walk.volatile = true
  walk.out.tag(TAG.path)
  walk.out.string(path[0]!)
  walk.member(member.value, path[0]!)
}

/** `process` is known by name; a variable of the environment, and what says which machine this is, by value. */
function writeProcess(walk: Walk, { paths }: FreeVariable): void {
  const { out } = walk
  out.tag(TAG.global)
  out.string(MAJOR)
  for (const { path } of paths ?? []) {
    const end = reach(walk, process, { path, called: false })
    if (end?.kind !== 'value' || typeof end.value === 'object' || typeof end.value === 'function') continue
    walk.volatile = true
    out.tag(TAG.path)
    for (const step of path) out.string(step)
    walk.value(end.value, '')
  }
}
