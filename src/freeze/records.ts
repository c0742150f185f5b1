/**
 * Arguments of which nothing counts but primitives: these themselves, and plain objects that hold them. What such arguments are is
 * one list, equal for two calls only if a walk would write the same bytes of both: to compare lists takes a third of that walk.
 *
 * In doubt there is no list: what has an accessor, a symbol, an attribute, another prototype, a name or a protocol of its own, or
 * cannot be extended, is walked. Runs no code of the values'.
 */
import { types } from 'node:util'
import { builtinModuleName, intrinsicName } from './intrinsics.ts'
import { frozenState, inputVersion, isIgnored, originalOf } from './marks.ts'

const { getOwnPropertyDescriptor, getOwnPropertyNames, getOwnPropertySymbols, getPrototypeOf } = Object

/** What the arguments of a call are. A list that was read is valid until the next one is. */
export type Parts = readonly unknown[]

/** Stands before the members of an object; no symbol is a part by itself. */
const RECORD = Symbol('record')
// Members of an object, and characters of a text, beyond which comparing gains nothing.
const MOST_MEMBERS = 64
const LONGEST = 64

const scratch: unknown[] = []

/** @param elsewhere objects that are not only arguments: for these, being the same object counts */
export function partsOf(
  args: readonly unknown[],
  elsewhere: ReadonlyMap<object | symbol, unknown>,
): Parts | undefined {
  scratch.length = 0
  let objects = 0
  for (const argument of args) {
    if (isShort(argument)) scratch.push(argument)
    // whether two are one object would count
    else if (typeof argument !== 'object' || argument === null || ++objects > 1) return undefined
    else if (elsewhere.has(argument) || !addRecord(argument)) return undefined
  }
  return scratch
}

/** Whether an object is no more than its members; these are then added. */
function addRecord(object: object): boolean {
  if (types.isProxy(object) || getPrototypeOf(object) !== Object.prototype) return false
  if (isIgnored(object) || originalOf(object) !== object || Object.hasOwn(object, 'constructor')) return false
  const names = getOwnPropertyNames(object)
  if (names.length > MOST_MEMBERS || getOwnPropertySymbols(object).length > 0) return false
  if (!Object.isExtensible(object) || inputVersion in object || frozenState in object) return false
  if (builtinModuleName(object) !== undefined || intrinsicName(object) !== undefined) return false
  scratch.push(RECORD, names.length)
  for (const name of names) {
    const property = getOwnPropertyDescriptor(object, name)!
    // an accessor is not writable
    if (property.writable !== true || !property.enumerable || !property.configurable) return false
    const { value } = property
    if (!isShort(value)) return false
    scratch.push(name, value)
  }
  return true
}

function isShort(value: unknown): boolean {
  switch (typeof value) {
    case 'number':
    case 'boolean':
    case 'undefined':
      return true
    case 'string':
      return value.length <= LONGEST
    default:
      return value === null
  }
}

/** Equal for equal parts, and seldom for others. */
export function hashOf(parts: Parts): number {
  let hash = parts.length
  for (const part of parts) {
    if (typeof part === 'number') hash = Math.imul(hash ^ (part * 1_000_003), 0x9e3779b1)
    else if (typeof part === 'string') {
      const { length } = part
      hash = Math.imul(hash ^ length, 0x85ebca6b)
      if (length > 0)
        hash ^= part.charCodeAt(0) + (part.charCodeAt(length >> 1) << 8) + (part.charCodeAt(length - 1) << 16)
    } else hash = Math.imul(hash, part === true ? 3 : part === false ? 5 : part === null ? 7 : 11)
    hash ^= hash >>> 15
  }
  return hash
}

/** Whether both are of the same arguments. */
export function areSame(one: Parts, other: Parts): boolean {
  const { length } = one
  if (length !== other.length) return false
  for (let index = 0; index < length; index++) {
    const part = one[index]
    // quicker than `Object.is` of two texts that are one object; -0 and NaN are left to it
    if (part !== other[index] || part === 0) if (!Object.is(part, other[index])) return false
  }
  return true
}

/** The same to keep: a text that is cut out of another one would hold all of that. */
export const keptOf = (parts: Parts): Parts =>
  parts.map((part) =>
    typeof part === 'string' && part.length >= CUT ? Buffer.from(part, 'utf16le').toString('utf16le') : part,
  )

// Characters from which V8 lets a text be a part of another.
const CUT = 13
