/**
 * Writes what an object holds: a table from brand to contents, then what every object may have beside them: own
 * properties with their attributes, private members, and the prototype. Brands are asked of V8, not of properties
 * that a program can fake.
 */
import { types } from 'node:util'
import { FreezeError, messageOf } from '../errors.ts'
import {
  boxed,
  intlOptions,
  isAmbient,
  isLogger,
  refusalOf,
  regExpFlags,
  regExpSource,
  textOfUrl,
} from './brands.ts'
import { writeBuffer, writeView } from './buffers.ts'
import { isInputFile } from './file.ts'
import { isInputFiles } from './files.ts'
import { factsOf } from './function.ts'
import { builtinModuleName, intrinsicName } from './intrinsics.ts'
import { frozenState, inputVersion, isIgnored } from './marks.ts'
import { treatmentOf } from './origin.ts'
import { makerOf, writePackagePrivates, writePrivateMembers } from './privates.ts'
import { TAG } from './tags.ts'
import type { Walk } from './walk.ts'

const { getOwnPropertyDescriptor, getOwnPropertyNames, getOwnPropertySymbols, getPrototypeOf } = Object

/** What Reflect.ownKeys gives, from the two functions that V8 answers from its caches, seven times as fast. */
function ownKeys(object: object): readonly (string | symbol)[] {
  const symbols = getOwnPropertySymbols(object)
  const names: readonly (string | symbol)[] = getOwnPropertyNames(object)
  return symbols.length === 0 ? names : [...names, ...symbols]
}

export function writeSymbol(walk: Walk, symbol: symbol): void {
  // well-known symbols are properties of Symbol itself; all others differ by identity, so by their number
  const known = wellKnown.get(symbol)
  walk.out.tag(known === undefined ? TAG.symbol : TAG.intrinsic)
  walk.value(known ?? symbol.description, '')
}

const wellKnown: ReadonlyMap<symbol, string> = new Map(
  Object.getOwnPropertyNames(Symbol).flatMap((name) => {
    const value: unknown = getOwnPropertyDescriptor(Symbol, name)!.value
    return typeof value === 'symbol' ? [[value, `Symbol.${name}`] as const] : []
  }),
)

export function writeObject(walk: Walk, object: object): void {
  if (types.isProxy(object)) return walk.refuse('a Proxy')
  if (isIgnored(object)) return walk.out.tag(TAG.ignored)
  const prototype = getPrototypeOf(object)
  if (Array.isArray(object)) return writeArray(walk, object, prototype)
  // what a class gives its instances has its constructor
  if (prototype === Object.prototype && !Object.hasOwn(object, 'constructor')) {
    if (plainExceptions(walk, object)) return
    walk.out.tag(TAG.object)
    return writeMembers(walk, object, ownKeys(object))
  }
  writeOther(walk, object, prototype)
}

/** Plain-looking objects that are known by name. */
function plainExceptions(walk: Walk, object: object): boolean {
  const name = builtinModuleName(object) ?? intrinsicName(object)
  if (name !== undefined) {
    walk.out.tag(TAG.intrinsic)
    walk.out.string(name)
    return true
  }
  return writeHooks(walk, object, Object.prototype)
}

/** The two protocols by which an object says itself what it is. */
function writeHooks(walk: Walk, object: object, prototype: object | null): boolean {
  const { out } = walk
  const version = hooked(
    walk,
    'an input whose version cannot be read',
    () => (object as { [inputVersion]?: unknown })[inputVersion],
  )
  if (typeof version === 'function') {
    walk.volatile = true
    if (isInputFiles(object)) {
      out.tag(TAG.inputFiles)
      const { cwd, ignore, patterns } = object
      out.string(JSON.stringify([patterns, cwd, ignore]))
      const versions = hooked(walk, 'input files whose version cannot be read', () => object.versions())
      for (const one of versions) walk.inputs.push(one)
      return true
    }
    out.tag(TAG.inputFile)
    const path = isInputFile(object) ? object.path : walk.path()
    if (isInputFile(object)) out.string(path)
    else writeState(walk, object, prototype)
    walk.inputs.push([
      path,
      hooked(walk, 'an input whose version cannot be read', () => version.call(object)),
    ])
    return true
  }
  if (!(frozenState in object)) return false
  writeState(walk, object, prototype)
  return true
}

/** Run a hook of the user's; what it throws says where. */
function hooked<T>(walk: Walk, what: string, hook: () => T): T {
  try {
    return hook()
  } catch (error) {
    throw new FreezeError(`${what} (${messageOf(error)})`, walk.path(), {
      cause: error,
    })
  }
}

function writeState(walk: Walk, object: object, prototype: object | null): void {
  const state = hooked(
    walk,
    'an object whose [frozenState] throws',
    () => (object as { [frozenState]?: unknown })[frozenState],
  )
  walk.volatile = true
  walk.out.tag(TAG.state)
  walk.value(prototype, '.__proto__')
  if (typeof state === 'function') {
    walk.value(
      hooked(walk, 'an object whose [frozenState] throws', () => state.call(object)),
      '[frozenState]()',
    )
  } else if (!(inputVersion in object)) walk.refuse('an object whose [frozenState] is not a method')
  else writeMembers(walk, object, ownKeys(object))
}

function writeArray(walk: Walk, array: readonly unknown[], prototype: object | null): void {
  const { out } = walk
  const { length } = array
  out.tag(TAG.array)
  out.uint(length)
  const names = getOwnPropertyNames(array)
  // names are listed indices first, then 'length', then what else there is
  const indices = names.indexOf('length', names.length > length ? length : 0)
  if (indices === length) for (let index = 0; index < length; index++) walk.value(array[index], index)
  else writeSparse(walk, array, names.slice(0, indices))
  writePrototype(walk, prototype, Array.prototype)
  if (prototype !== Array.prototype) {
    writePrivateMembers(walk, array, makerOf(prototype))
    writePackagePrivates(walk, array)
  }
  const symbols = getOwnPropertySymbols(array)
  const plain = names.length === indices + 1 && symbols.length === 0
  writeMembers(walk, array, plain ? [] : [...names.slice(indices + 1), ...symbols])
}

/** An array with holes: how many there are before each item. */
function writeSparse(walk: Walk, array: readonly unknown[], indices: readonly string[]): void {
  const { out } = walk
  let next = 0
  for (const name of indices) {
    const index = Number(name)
    if (index > next) {
      out.tag(TAG.hole)
      out.uint(index - next)
    }
    walk.value(array[index], index)
    next = index + 1
  }
  if (array.length > next) {
    out.tag(TAG.hole)
    out.uint(array.length - next)
  }
}

function writeOther(walk: Walk, object: object, prototype: object | null): void {
  const { out } = walk
  const name = intrinsicName(object) ?? builtinModuleName(object)
  if (name !== undefined) {
    out.tag(TAG.intrinsic)
    return out.string(name)
  }
  const instances = classOf(object)
  if (instances !== undefined && writeForeignPrototype(walk, instances)) return
  if (instances === undefined && writeHooks(walk, object, prototype)) return
  if (types.isModuleNamespaceObject(object)) return writeNamespace(walk, object)
  if (object === process) walk.blind.push({ what: 'process as a whole', where: walk.path() })
  if (isAmbient(object) || (prototype !== null && isLogger(object))) return out.tag(TAG.ignored)
  const counts = writeContents(walk, object)
  if (counts === undefined) return
  walk.volatile = true
  writePrototype(walk, prototype, Buffer.isBuffer(object) ? Buffer.prototype : Object.prototype)
  const maker = makerOf(prototype)
  // the private fields of a URL are filled when somebody looks
  if (!isUrl(prototype)) writePrivateMembers(walk, object, maker)
  if (maker !== undefined) writePackagePrivates(walk, object)
  writeMembers(walk, object, counts === 'none' ? [] : ownKeys(object).filter(counts))
}

const isUrl = (prototype: object | null): boolean =>
  prototype === URL.prototype || prototype === URLSearchParams.prototype

/** The class whose instances have this object as prototype. */
function classOf(object: object): Function | undefined {
  const maker: unknown = getOwnPropertyDescriptor(object, 'constructor')?.value
  if (typeof maker !== 'function' || types.isProxy(maker)) return undefined
  return getOwnPropertyDescriptor(maker, 'prototype')?.value === object ? maker : undefined
}

/** What a class of a package or of Node gives its instances is what that class is. */
function writeForeignPrototype(walk: Walk, maker: Function): boolean {
  const { native, origin } = factsOf(maker)
  if (!native && (origin.kind === 'user' || treatmentOf(origin, walk.options) === 'source')) return false
  walk.out.tag(TAG.prototypeOf)
  walk.value(maker, '.constructor')
  return true
}

/** Which own properties count beside the contents. */
type Counting = ((key: string | symbol) => boolean) | 'none'
const all: Counting = () => true

/** Writes the tag and what the object holds beside its properties. Undefined when it was refused. */
function writeContents(walk: Walk, object: object): Counting | undefined {
  const { out } = walk
  if (types.isMap(object)) {
    out.tag(TAG.map)
    writeEntries(walk, [...Map.prototype.entries.call(object)])
    return all
  }
  if (types.isSet(object)) {
    out.tag(TAG.set)
    writeEntries(
      walk,
      [...Set.prototype.values.call(object)].map((value) => [value]),
    )
    return all
  }
  if (types.isDate(object)) {
    out.tag(TAG.date)
    const time = Date.prototype.getTime.call(object)
    out.number(time)
    walk.note(Number.isNaN(time) ? 'an invalid date' : new Date(time).toISOString())
    return all
  }
  if (types.isRegExp(object)) {
    out.tag(TAG.regexp)
    const [source, flags] = [regExpSource(object), regExpFlags(object)]
    out.string(source)
    out.string(flags)
    walk.note(`/${source}/${flags}`)
    return all
  }
  if (types.isNativeError(object) && !(object instanceof DOMException)) {
    out.tag(TAG.error)
    return (key) => key !== 'stack'
  }
  if (ArrayBuffer.isView(object)) {
    writeView(walk, object)
    // to list a typed array's own keys is to list its indices, millions of them: properties added to one do not count
    return types.isTypedArray(object) ? 'none' : all
  }
  if (types.isAnyArrayBuffer(object)) {
    writeBuffer(walk, object)
    return all
  }
  if (types.isBoxedPrimitive(object)) {
    out.tag(TAG.boxed)
    walk.value(boxed(object), '')
    return types.isStringObject(object) ? (key) => !isIndexOrLength(key) : all
  }
  if (types.isArgumentsObject(object)) {
    out.tag(TAG.array)
    return all
  }
  if (isUrl(getPrototypeOf(object))) {
    out.tag(TAG.url)
    walk.value(textOfUrl(object), '')
    return all
  }
  if (types.isWeakMap(object) || types.isWeakSet(object)) {
    // behind a variable it is how compilers keep private fields; as a value, who knows what it is asked for
    if (walk.lenient || !walk.isCaptured(object)) {
      walk.refuse(types.isWeakMap(object) ? 'a WeakMap' : 'a WeakSet')
      return undefined
    }
    out.tag(TAG.weak)
    walk.weak.push(object)
    return all
  }
  const intl = intlOptions(object)
  if (intl !== undefined) {
    out.tag(TAG.intl)
    walk.value(intl, '.resolvedOptions()')
    return all
  }
  // what a class gives its instances has no state of its own
  const refusal = classOf(object) === undefined ? refusalOf(object) : undefined
  if (refusal !== undefined) {
    walk.refuse(refusal)
    return undefined
  }
  out.tag(TAG.object)
  return all
}

const isIndexOrLength = (key: string | symbol): boolean =>
  typeof key === 'string' && (key === 'length' || /^\d+$/.test(key))

function writeEntries(walk: Walk, entries: readonly (readonly unknown[])[]): void {
  walk.out.number(entries.length)
  const ordered = walk.options.keyOrder === 'respect' ? entries : walk.sorted(entries)
  for (const [index, entry] of ordered.entries()) {
    const [key, value] = entry
    walk.value(key, `.keys()[${index}]`)
    if (entry.length === 2)
      walk.value(value, typeof key === 'string' ? `.get(${JSON.stringify(key)})` : `.values()[${index}]`)
  }
}

function writeNamespace(walk: Walk, namespace: object): void {
  const { out } = walk
  const inner: unknown = Object.hasOwn(namespace, 'default')
    ? (namespace as { default: unknown }).default
    : undefined
  const name = typeof inner === 'object' && inner !== null ? builtinModuleName(inner) : undefined
  if (name !== undefined && isNamespaceOf(namespace, inner as object)) {
    out.tag(TAG.builtinModule)
    return out.string(name)
  }
  walk.volatile = true
  out.tag(TAG.namespace)
  const names = getOwnPropertyNames(namespace)
  out.uint(names.length)
  for (const exported of names) {
    out.string(exported)
    let value: unknown
    try {
      value = (namespace as Record<string, unknown>)[exported]
    } catch {
      // exported, but its module has not got there yet
      out.tag(TAG.absent)
      continue
    }
    walk.member(value, exported)
  }
}

/** Whether a namespace is that of Node's module itself, not of one that exports Node's as its default. */
function isNamespaceOf(namespace: object, builtin: object): boolean {
  const names = getOwnPropertyNames(namespace).filter((name) => name !== 'default')
  return (
    names.length === Object.keys(builtin).length &&
    names.every((name) => {
      const property = getOwnPropertyDescriptor(builtin, name)
      if (property === undefined) return false
      const exported = (namespace as Record<string, unknown>)[name]
      // others may change: Node's own exports of `process` do
      return typeof property.value !== 'function' || property.value === exported
    })
  )
}

function writePrototype(walk: Walk, prototype: object | null, usual: object): void {
  if (prototype === usual) return
  walk.out.tag(TAG.prototype)
  walk.value(prototype, '.__proto__')
}

/** Own properties, then whether more can be added. Accessors are written as their functions. */
export function writeMembers(walk: Walk, object: object, keys: readonly (string | symbol)[]): void {
  const { out } = walk
  const ordered = walk.options.keyOrder === 'ignore' && keys.length > 1 ? sortedKeys(keys) : keys
  for (const key of ordered) {
    const property = getOwnPropertyDescriptor(object, key)!
    const isData = 'value' in property
    out.tag(isData ? TAG.property : TAG.accessor)
    if (typeof key === 'string') out.string(key)
    else walk.value(key, '')
    const { configurable, enumerable } = property
    if (!configurable || !enumerable || (isData && !property.writable)) {
      out.tag(TAG.locked)
      out.tag((configurable ? 1 : 0) | (enumerable ? 2 : 0) | (property.writable ? 4 : 0))
    }
    if (isData) walk.member(property.value, key)
    else {
      walk.member(property.get, key)
      walk.member(property.set, key)
    }
  }
  const frozen = Object.isFrozen(object)
  if (!Object.isExtensible(object)) {
    out.tag(TAG.locked)
    // of items of an array, and of a function's own, no attributes were written
    out.tag(frozen ? 2 : Object.isSealed(object) ? 1 : 0)
  }
  if (!frozen) walk.volatile = true
  out.tag(TAG.end)
}

function sortedKeys(keys: readonly (string | symbol)[]): readonly (string | symbol)[] {
  const strings = keys.filter((key) => typeof key === 'string').sort()
  return [...strings, ...keys.filter((key) => typeof key === 'symbol')]
}
