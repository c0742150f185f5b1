/**
 * Asserts that two values cannot be told apart: prototypes, own properties in order with their attributes, hidden
 * contents, -0, and which parts are the same object. Written without the code under test: it knows no kinds.
 */
import assert from 'node:assert/strict'
import { types } from 'node:util'

export function assertSame(actual: unknown, expected: unknown): void {
  const partner = new Map<object, object>()
  const reverse = new Map<object, object>()
  const queue: { readonly a: unknown; readonly b: unknown; readonly path: string }[] = []
  const compare = (a: unknown, b: unknown, path: string) => queue.push({ a, b, path })
  compare(actual, expected, 'result')
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { a, b, path } = next
    if (typeof b !== 'object' || b === null) {
      if (!Object.is(a, b)) assert.fail(`${path}: ${String(a)} instead of ${String(b)}`)
      continue
    }
    if (typeof a !== 'object' || a === null) assert.fail(`${path}: ${String(a)} instead of an object`)
    if (partner.has(b) || reverse.has(a)) {
      assert.ok(partner.get(b) === a && reverse.get(a) === b, `${path}: shared differently`)
      continue
    }
    partner.set(b, a)
    reverse.set(a, b)
    assert.notEqual(a, b, `${path}: the very same object`)
    assert.equal(Object.getPrototypeOf(a), Object.getPrototypeOf(b), `${path}: prototype`)
    assert.equal(Object.isExtensible(a), Object.isExtensible(b), `${path}: extensible`)
    compareHidden(a, b, path, compare)
    compareProperties(a, b, path, compare)
  }
}

type Compare = (a: unknown, b: unknown, path: string) => void

function compareProperties(a: object, b: object, path: string, compare: Compare): void {
  if (ArrayBuffer.isView(a) && !types.isDataView(a)) {
    // The elements are compared as bytes.
    const isNamed = (key: string | symbol) => typeof key === 'symbol' || !/^\d+$/.test(key)
    assert.deepEqual(Reflect.ownKeys(a).filter(isNamed), Reflect.ownKeys(b).filter(isNamed), `${path}: keys`)
    return
  }
  assert.deepEqual(Reflect.ownKeys(a), Reflect.ownKeys(b), `${path}: keys`)
  for (const key of Reflect.ownKeys(b)) {
    const { value: was, ...attributes } = Object.getOwnPropertyDescriptor(b, key)!
    const { value: is, ...now } = Object.getOwnPropertyDescriptor(a, key)!
    const at = `${path}.${String(key)}`
    assert.deepEqual(now, attributes, `${at}: attributes`)
    if (attributes.get === undefined) compare(is, was, at)
    else compare(attributes.get.call(a), attributes.get.call(b), at)
  }
}

const brands: readonly (keyof typeof types)[] = [
  'isAnyArrayBuffer',
  'isArgumentsObject',
  'isBoxedPrimitive',
  'isDataView',
  'isDate',
  'isMap',
  'isNativeError',
  'isRegExp',
  'isSet',
  'isTypedArray',
]

// asked of the language, since a value may have a property of that name
const timeOf = (date: Date): number => Date.prototype.getTime.call(date)
const textOf = (pattern: RegExp): string => RegExp.prototype.toString.call(pattern)

function primitiveOf(boxed: object): unknown {
  for (const { prototype } of [Number, String, Boolean, Symbol, BigInt]) {
    try {
      return Reflect.apply(prototype.valueOf, boxed, [])
    } catch {
      // it is another one's
    }
  }
  return undefined
}

function compareHidden(a: object, b: object, path: string, compare: Compare): void {
  assert.equal(Array.isArray(a), Array.isArray(b), `${path}: array`)
  for (const brand of brands)
    assert.equal(types[brand](a as never), types[brand](b as never), `${path}: ${brand}`)
  if (types.isMap(b)) compareLists([...(a as Map<unknown, unknown>)].flat(), [...b].flat(), path, compare)
  if (types.isSet(b)) compareLists([...(a as Set<unknown>)], [...b], path, compare)
  if (types.isDate(b)) compare(timeOf(a as Date), timeOf(b), path)
  if (types.isRegExp(b)) assert.equal(textOf(a as RegExp), textOf(b), path)
  if (types.isBoxedPrimitive(b)) compare(primitiveOf(a), primitiveOf(b), path)
  if (b instanceof URL) assert.equal((a as URL).href, b.href, path)
  if (b instanceof URLSearchParams) assert.deepEqual([...(a as URLSearchParams)], [...b], path)
  if (b instanceof DOMException)
    for (const part of ['name', 'message', 'code'] as const)
      assert.equal((a as DOMException)[part], b[part], `${path}: ${part}`)
  const tag = String(Object.getPrototypeOf(b)?.[Symbol.toStringTag])
  if (tag.startsWith('Temporal.')) assert.equal(String(a), String(b), path)
  if (tag === 'Temporal.Duration')
    for (const unit of ['seconds', 'milliseconds', 'nanoseconds'] as const)
      assert.equal(Reflect.get(a, unit), Reflect.get(b, unit), `${path}: ${unit}`)
  if (types.isAnyArrayBuffer(b))
    assert.ok(Buffer.from(a as ArrayBuffer).equals(Buffer.from(b)), `${path}: bytes`)
  if (ArrayBuffer.isView(b)) {
    const [is, was] = [a as ArrayBufferView, b].map((view) =>
      Buffer.from(view.buffer, view.byteOffset, view.byteLength),
    )
    assert.ok(is!.equals(was!), `${path}: bytes`)
  }
}

function compareLists(a: readonly unknown[], b: readonly unknown[], path: string, compare: Compare): void {
  assert.equal(a.length, b.length, `${path}: size`)
  for (const [index, value] of b.entries()) compare(a[index], value, `${path}{${index}}`)
}

/** Asserts that `encode` refuses, and names this path. */
export function assertRefused(encode: () => unknown, path: string | RegExp, message?: RegExp): void {
  assert.throws(encode, (error: unknown) => {
    assert.ok(error instanceof Error)
    const { code, path: found } = error as { code?: unknown; path?: unknown }
    assert.deepEqual([error.name, code], ['CodecError', 'ERR_UNENCODABLE'], String(error.stack))
    if (typeof path === 'string') assert.equal(found, path)
    else assert.match(String(found), path)
    if (message !== undefined) assert.match(error.message, message)
    return true
  })
}
