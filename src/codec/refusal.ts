/**
 * How a value that cannot be stored is refused: in words, without running any of its code.
 */
import { types } from 'node:util'
import { CodecError } from '../errors.ts'

export function refusal(what: string, path: string): CodecError {
  return new CodecError('ERR_UNENCODABLE', `cannot store ${what}`, path)
}

/** What to store in place of what cannot be copied at once, or not at all. */
const instead: Readonly<Record<string, string>> = {
  Blob: 'store its arrayBuffer()',
  File: 'store its arrayBuffer()',
  FormData: 'store its entries()',
  Headers: 'store its entries()',
  Request: 'store what you need of it',
  Response: 'store what you need of it, such as its status and arrayBuffer()',
}

/** What a value that cannot be stored is called, and what may help. Runs none of its code. */
export function unstorable(value: unknown): string {
  return describe(value) + adviceOn(value)
}

/** What a value is called. */
export function describe(value: unknown): string {
  if (typeof value === 'symbol') return 'a symbol that is not registered'
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`
  const name = makerOf(value)?.name
  if (name === undefined) return 'an object of an unknown class'
  // the language's own, such as iterators, have no class
  const tag = name === 'Object' ? propertyOf(value, Symbol.toStringTag) : undefined
  const called = typeof tag === 'string' && tag !== '' ? tag : name
  return `${/^(?:[AEIO]|U[^R])/.test(called) ? 'an' : 'a'} ${called}`
}

/** What a property holds, its own or not; undefined for an accessor. */
export function propertyOf(object: object, key: string | symbol): unknown {
  for (let at: object | null = object; at !== null && !types.isProxy(at); at = Object.getPrototypeOf(at)) {
    const property = Object.getOwnPropertyDescriptor(at, key)
    if (property !== undefined) return property.value
  }
  return undefined
}

/** Whether it is iterated asynchronously, by its own code. */
export const isAsyncIterable = (value: object): boolean =>
  typeof propertyOf(value, Symbol.asyncIterator) === 'function'

/** Whether it gives values by its own code. */
export const isIterator = (value: object): boolean =>
  typeof propertyOf(value, Symbol.iterator) === 'function' && typeof propertyOf(value, 'next') === 'function'

/** A class of the platform is there under its name; to anybody else's, registerClass may help. */
function adviceOn(value: unknown): string {
  if (typeof value !== 'object' || value === null) return ''
  if (isAsyncIterable(value) || isIterator(value))
    return ' (return it by itself, as a stream, or store an array of its values)'
  const made = makerOf(value)
  if (made === undefined) return ''
  const { maker, name } = made
  const global = Object.getOwnPropertyDescriptor(globalThis, name)
  const isNative = Function.prototype.toString.call(maker).endsWith('{ [native code] }')
  if (global !== undefined && (global.value === undefined || global.value === maker)) {
    if (Object.hasOwn(instead, name)) return ` (${instead[name]})`
    return types.isNativeError(value) ? " of Node's own class (store its code and message)" : ''
  }
  if (!isNative) return ', whose class is not registered with registerClass()'
  return global === undefined ? '' : ' of another realm (store a structuredClone() of it)'
}

/** The nearest constructor with a name. */
function makerOf(object: object): { readonly maker: unknown; readonly name: string } | undefined {
  for (let at: object | null = object; at !== null && !types.isProxy(at); at = Object.getPrototypeOf(at)) {
    const maker: unknown = Object.getOwnPropertyDescriptor(at, 'constructor')?.value
    if (typeof maker !== 'function' || types.isProxy(maker)) continue
    const name: unknown = Object.getOwnPropertyDescriptor(maker, 'name')?.value
    if (typeof name === 'string' && name !== '') return { maker, name }
  }
  return undefined
}
