/**
 * What a function is as an object: whether it has anything beside what every function has, and whether that is still so.
 */
import { intrinsicName } from './intrinsics.ts'
import type { Shape } from './walk.ts'

const { getOwnPropertyDescriptor, getPrototypeOf } = Object

/** Whether an own property is one that follows from the code: a `static name = …` of a class does not. */
export function isStandard(fn: Function, key: string | symbol): boolean {
  if (key === 'prototype' || key === 'arguments' || key === 'caller') return true
  if (key !== 'name' && key !== 'length') return false
  const { enumerable, value, writable } = getOwnPropertyDescriptor(fn, key)!
  return !enumerable && writable === false && typeof value === (key === 'name' ? 'string' : 'number')
}

/** The shape of a function now; `usual` if there is nothing but what every function has. */
export function shapeOf(fn: Function): Shape & { readonly usual: boolean } {
  const keys = Reflect.ownKeys(fn)
  const prototype: unknown = getOwnPropertyDescriptor(fn, 'prototype')?.value
  const isObject = typeof prototype === 'object' && prototype !== null
  const prototypeKeys = isObject ? Reflect.ownKeys(prototype) : []
  const own = !isObject || isBare(fn, prototype, prototypeKeys)
  const usual = own && !isClass(fn) && keys.every((key) => isStandard(fn, key))
  return {
    fn,
    parent: getPrototypeOf(fn),
    ownKeys: keys,
    prototype,
    prototypeKeys: prototypeKeys.length,
    usual,
  }
}

/** Whether a function still has nothing as an object but what it had then. */
export function keepsShape({ fn, ownKeys, parent, prototype, prototypeKeys }: Shape): boolean {
  if (getPrototypeOf(fn) !== parent) return false
  const keysNow = Reflect.ownKeys(fn)
  if (keysNow.length !== ownKeys.length) return false
  for (let index = 0; index < keysNow.length; index++) if (keysNow[index] !== ownKeys[index]) return false
  if (prototype === undefined) return true
  const now: unknown = getOwnPropertyDescriptor(fn, 'prototype')?.value
  if (now !== prototype || typeof now !== 'object' || now === null) return now === prototype
  const keys = Reflect.ownKeys(now)
  return keys.length === prototypeKeys && isBare(fn, now, keys)
}

/** Whether a function's prototype is as it was made: empty but for the way back. */
function isBare(fn: Function, prototype: object, keys: readonly (string | symbol)[]): boolean {
  const above = getPrototypeOf(prototype) as object | null
  if (above === null || intrinsicName(above) === undefined) return false
  if (keys.length === 0) return true
  return keys.length === 1 && getOwnPropertyDescriptor(prototype, 'constructor')?.value === fn
}

const isClass = (fn: Function): boolean => {
  const prototype = getOwnPropertyDescriptor(fn, 'prototype')
  return prototype !== undefined && prototype.writable === false
}
