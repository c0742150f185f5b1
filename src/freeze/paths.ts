/**
 * Reads only those members of a captured value that a function reads, where that is provably all it can depend on.
 */
import { types } from 'node:util'
import { Bindings, factsOf, parsedText } from './function.ts'
import { intrinsicName, isNative } from './intrinsics.ts'
import { frozenState, inputVersion, isIgnored, originalProperty, standInOf } from './marks.ts'
import type { FreeVariable, MemberPath } from './source.ts'
import { TAG } from './tags.ts'
import { label, type Walk } from './walk.ts'

const { getOwnPropertyDescriptor, getPrototypeOf } = Object

type Reached = { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'absent' }

/**
 * Writes only those members of a variable's value that the function reads, where that is provably all it can depend
 * on: data properties along the way, and no call whose `this` would hand over the whole object.
 */
export function writePaths(walk: Walk, variable: FreeVariable, value: unknown): boolean {
  const { paths } = variable
  if (paths === undefined || (typeof value !== 'object' && typeof value !== 'function') || value === null)
    return false
  if (isIgnored(value) || (typeof value === 'function' && standInOf(value) !== undefined)) return false
  const reached: Reached[] = []
  for (const path of paths) {
    const end = reach(walk, value, path)
    if (end === undefined) return false
    reached.push(end)
  }
  walk.volatile = true
  for (const [index, end] of reached.entries()) {
    const { path } = paths[index]!
    walk.out.tag(TAG.path)
    walk.out.uint(path.length)
    for (const step of path) walk.out.string(step)
    if (end.kind === 'absent') walk.out.tag(TAG.absent)
    else walk.member(end.value, ` → ${variable.name}${path.map(label).join('')}`)
  }
  return true
}

/** Where a path leads, or undefined where it cannot be told without the whole object. */
export function reach(walk: Walk, root: unknown, { path, called }: MemberPath): Reached | undefined {
  let value = root
  for (const [index, step] of path.entries()) {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null)
      return { kind: 'value', value }
    const holder: object = value
    // what says itself what it is, is asked as a whole
    if (types.isProxy(holder) || inputVersion in holder || frozenState in holder) return undefined
    const property = propertyOf(holder, step)
    if (property === 'hidden') return undefined
    if (property === undefined) return { kind: 'absent' }
    if (property.get !== undefined || property.set !== undefined) {
      const { get } = property
      if (get === undefined) return undefined
      const forwarded = forwardedBy(get)
      if (forwarded !== undefined) {
        const rest = { path: [forwarded.key, ...path.slice(index + 1)], called }
        return reach(walk, forwarded.module, rest)
      }
      // the getter's code and captures decide, unless it looks at the object
      return mayUseThis(walk, get) ? undefined : { kind: 'value', value: get }
    }
    value = property.value
    const calledHere = called && index === path.length - 1
    if (calledHere && typeof value === 'function' && mayUseThis(walk, value)) return undefined
    // `super` looks in the object that the method was written in, so that has to be walked
    if (typeof value === 'function' && usesSuper(walk, value)) return undefined
  }
  return { kind: 'value', value }
}

/** The getters by which compilers re-export a module's exports one by one: tsc's and esbuild's. */
const FORWARDING =
  /^(?:(?:function|get)\s*\(\)\s*\{\s*return\s+([\w$]+)\[([\w$]+)\];?\s*\}|\(\)\s*=>\s*([\w$]+)\[([\w$]+)\])$/

function forwardedBy(get: Function): { readonly module: unknown; readonly key: string } | undefined {
  const match = FORWARDING.exec(Function.prototype.toString.call(get))
  if (match === null) return undefined
  const bindings = new Bindings(get, factsOf(get))
  const [module, key] = [match[1] ?? match[3]!, match[2] ?? match[4]!].map((name) => bindings.read({ name }))
  if (module?.kind !== 'value' || key?.kind !== 'value' || typeof key.value !== 'string') return undefined
  return { module: module.value, key: key.value }
}

function usesSuper(walk: Walk, fn: Function): boolean {
  if (types.isProxy(fn) || isNative(fn) || standInOf(fn) !== undefined) return false
  const facts = factsOf(fn)
  return facts.origin.kind === 'user' && facts.mentionsThis && parsedText(fn, () => walk.path()).usesSuper
}

/** A property of an object or its prototypes. */
export function propertyOf(holder: object, key: string): PropertyDescriptor | 'hidden' | undefined {
  for (let at: object | null = holder; at !== null; at = getPrototypeOf(at)) {
    if (types.isProxy(at)) return 'hidden'
    try {
      const property = getOwnPropertyDescriptor(at, key)
      if (property !== undefined) return originalProperty(property)
    } catch {
      // a namespace whose module has not initialised that export yet
      return 'hidden'
    }
  }
  return undefined
}

function mayUseThis(walk: Walk, fn: Function): boolean {
  if (types.isProxy(fn)) return true
  const standIn = standInOf(fn)
  if (standIn !== undefined)
    return standIn().some((part) => typeof part === 'function' && mayUseThis(walk, part))
  if (isNative(fn) && intrinsicName(fn) !== undefined) return true
  const facts = factsOf(fn)
  if (facts.internals.bound !== undefined) return false
  if (facts.native || facts.origin.kind !== 'user') return facts.mentionsThis
  if (!facts.mentionsThis) return false
  const { kind, usesThis } = parsedText(fn, () => walk.path())
  return kind !== 'class' && usesThis
}
