/**
 * Tells plain data from everything else: what JSON-like encodings give back as it was. Never invokes a getter, a
 * proxy's trap or any other code of the value.
 *
 * Plain are booleans, null, well-formed strings, numbers but -0, and trees of dense arrays and ordinary objects with
 * default properties. A tree: what is reachable twice is not plain, because a copy would have two of it.
 */
import { types } from 'node:util'
import { MAX_DEPTH } from './nodes.ts'

const { getPrototypeOf, getOwnPropertyDescriptor, getOwnPropertyNames, getOwnPropertySymbols } = Object
const arrayPrototype: unknown = Array.prototype
const objectPrototype: unknown = Object.prototype

/** Why a value is not plain, and where: property names from the value inwards. */
export interface Flaw {
  readonly what: string
  readonly path: readonly (string | number)[]
}

/**
 * The first thing that is not plain.
 * @param json whether to be as strict as JSON, which has no `undefined`, NaN and infinities.
 */
export function flawOf(value: unknown, json = false): Flaw | undefined {
  const path: (string | number)[] = []
  const what = check(value, { seen: new Set(), path, json }, 0)
  return what === undefined ? undefined : { what, path: path.reverse() }
}

interface Walk {
  readonly seen: Set<object>
  /** Filled from the inside out while returning from a flaw. */
  readonly path: (string | number)[]
  readonly json: boolean
}

function check(value: unknown, walk: Walk, depth: number): string | undefined {
  switch (typeof value) {
    case 'boolean':
      return
    case 'string':
      return isWellFormed(value) ? undefined : 'a string with a lone surrogate'
    case 'number':
      if (value === 0) return Object.is(value, -0) ? '-0' : undefined
      return walk.json && !Number.isFinite(value) ? String(value) : undefined
    case 'undefined':
      return walk.json ? 'undefined' : undefined
    case 'object':
      return value === null ? undefined : checkObject(value, walk, depth)
    default:
      return `a ${typeof value}`
  }
}

function checkObject(object: object, walk: Walk, depth: number): string | undefined {
  if (types.isProxy(object)) return 'a Proxy'
  const prototype: unknown = getPrototypeOf(object)
  const isArray = prototype === arrayPrototype && Array.isArray(object)
  if (!isArray && (prototype !== objectPrototype || Array.isArray(object))) return 'an object of a class'
  if (depth >= MAX_DEPTH) return `something nested more than ${MAX_DEPTH} deep`
  if (walk.seen.has(object)) return 'an object that is there twice'
  walk.seen.add(object)
  if (getOwnPropertySymbols(object).length > 0) return 'an object with symbol properties'
  if (!Object.isExtensible(object)) return 'an object that cannot be extended'
  return isArray ? checkArray(object, walk, depth) : checkMembers(object, walk, depth)
}

function checkArray(array: unknown[], walk: Walk, depth: number): string | undefined {
  const { length } = array
  // Elements and `length` itself: neither holes nor other properties.
  if (getOwnPropertyNames(array).length !== length + 1) return 'an array with holes or properties'
  if (!getOwnPropertyDescriptor(array, 'length')!.writable) return 'an array of fixed length'
  for (let index = 0; index < length; index++) {
    const flaw = checkProperty(array, index, walk, depth)
    if (flaw !== undefined) return flaw
  }
}

function checkMembers(object: object, walk: Walk, depth: number): string | undefined {
  const names = getOwnPropertyNames(object)
  // Something with hidden contents and no properties, whose prototype was replaced.
  if (names.length === 0 && isExotic(object)) return 'an object of a class'
  for (const name of names) {
    if (name === '__proto__') return 'a property named __proto__'
    if (!isWellFormed(name)) return 'a property name with a lone surrogate'
    const flaw = checkProperty(object, name, walk, depth)
    if (flaw !== undefined) return flaw
  }
}

function checkProperty(object: object, key: string | number, walk: Walk, depth: number): string | undefined {
  const property = getOwnPropertyDescriptor(object, key)
  if (!isDefault(property)) {
    walk.path.push(key)
    return 'an accessor or a property with other than default attributes'
  }
  const flaw = check(property!.value, walk, depth + 1)
  if (flaw !== undefined) walk.path.push(key)
  return flaw
}

/** Whether assigning makes a property like this. An accessor has no `writable`. */
export function isDefault(property: PropertyDescriptor | undefined): boolean {
  return property?.writable === true && property.enumerable === true && property.configurable === true
}

/** Whether the engine keeps more about an object than its properties, whatever its prototype says. */
export function isExotic(object: object): boolean {
  return exotic.some((is) => is(object))
}

const exotic: readonly ((value: unknown) => boolean)[] = [
  ArrayBuffer.isView,
  types.isMap,
  types.isSet,
  types.isDate,
  types.isRegExp,
  types.isBoxedPrimitive,
  types.isAnyArrayBuffer,
  types.isNativeError,
  types.isPromise,
  types.isWeakMap,
  types.isWeakSet,
  types.isMapIterator,
  types.isSetIterator,
  types.isGeneratorObject,
  types.isModuleNamespaceObject,
  types.isArgumentsObject,
  types.isExternal,
  (JSON as { isRawJSON?(value: unknown): boolean }).isRawJSON ?? (() => false),
]

/** `String.prototype.isWellFormed`, which is younger than the library types this project compiles against. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}
