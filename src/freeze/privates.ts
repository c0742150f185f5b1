/**
 * What an object keeps where no property shows: `#private` members, and what compilers for older targets put in WeakMaps
 * beside the class instead.
 */
import { types } from 'node:util'
import { factsOf } from './function.ts'
import { canInspect, privateMembersOf } from './inspect.ts'
import { treatmentOf } from './origin.ts'
import { TAG } from './tags.ts'
import type { Walk } from './walk.ts'

const { getOwnPropertyDescriptor, getPrototypeOf } = Object

const privates = new WeakMap<Function, boolean>()

/** `#private` members, if the class, or one above it, has any in its text. */
export function writePrivateMembers(walk: Walk, object: object, maker: Function | undefined): void {
  if (maker === undefined || !hasPrivateMembers(maker)) return
  if (!canInspect()) return walk.refuse('an object with #private fields, since V8 does not show them')
  walk.volatile = true
  for (const [name, value] of privateMembersOf(object)) {
    walk.out.tag(TAG.privateMember)
    walk.out.string(name)
    walk.value(value, `.${name}`)
  }
}

function hasPrivateMembers(maker: Function): boolean {
  let has = privates.get(maker)
  if (has === undefined) {
    const above: unknown = getPrototypeOf(maker)
    has =
      Function.prototype.toString.call(maker).includes('#') ||
      (typeof above === 'function' && !types.isProxy(above) && hasPrivateMembers(above))
    privates.set(maker, has)
  }
  return has
}

/** The class of an object, as the first of its prototypes that names one tells. */
export function makerOf(prototype: object | null): Function | undefined {
  for (let at = prototype; at !== null && at !== Object.prototype; at = getPrototypeOf(at)) {
    if (types.isProxy(at)) return undefined
    const maker: unknown = getOwnPropertyDescriptor(at, 'constructor')?.value
    if (typeof maker === 'function' && !types.isProxy(maker)) return maker
  }
  return undefined
}

/** Compilers keep private fields of older targets in WeakMaps beside the class; a package's class is not walked. */
export function writePackagePrivates(walk: Walk, object: object): void {
  for (let at = getPrototypeOf(object); at !== null && !types.isProxy(at); at = getPrototypeOf(at)) {
    const maker: unknown = getOwnPropertyDescriptor(at, 'constructor')?.value
    if (typeof maker !== 'function' || types.isProxy(maker)) continue
    const { internals, native, origin } = factsOf(maker)
    if (native || origin.kind !== 'package' || treatmentOf(origin, walk.options) === 'source') continue
    for (const { variables } of internals.scopes) {
      for (const name of Object.keys(variables)) {
        const held = heldBy(variables, name)
        if (!types.isWeakMap(held) || !WeakMap.prototype.has.call(held, object)) continue
        walk.out.tag(TAG.privateMember)
        walk.out.string(name)
        walk.value(WeakMap.prototype.get.call(held, object), `.${name}`)
      }
    }
  }
}

function heldBy(variables: Readonly<Record<string, unknown>>, name: string): unknown {
  try {
    return variables[name]
  } catch {
    // not initialised yet
    return undefined
  }
}
