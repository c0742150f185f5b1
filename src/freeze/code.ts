/**
 * Writes what a function is: for the user's code its normalised syntax and the value of each free variable, for a
 * package's its name and version, for Node's and the language's its name. Then what a function has as an object.
 */
import { types } from 'node:util'
import {
  Bindings,
  type FunctionFacts,
  factsOf,
  givenScopes,
  type ParsedText,
  packageOf,
  parsedText,
} from './function.ts'
import { intrinsicName, isKnownGlobal, isNative } from './intrinsics.ts'
import { codeVersionOf, frozenState, inputVersion, isIgnored, standInOf } from './marks.ts'
import { writeMembers } from './objects.ts'
import { isOffered } from './offered.ts'
import { treatmentOf } from './origin.ts'
import type { FreeVariable, MemberPath } from './source.ts'
import { TAG } from './tags.ts'
import { label, type Shape, type Walk } from './walk.ts'

const { getOwnPropertyDescriptor, getPrototypeOf } = Object

export function writeFunction(walk: Walk, fn: Function): void {
  const { out } = walk
  if (types.isProxy(fn)) return walk.refuse('a Proxy')
  if (isIgnored(fn)) return out.tag(TAG.ignored)
  const version = codeVersionOf(fn)
  if (version !== undefined) {
    out.tag(TAG.versioned)
    return walk.value(version, '')
  }
  const standIn = standInOf(fn)
  if (standIn !== undefined) {
    // what it stands for has a state and inputs of its own, to be asked each time
    walk.volatile = true
    out.tag(TAG.memoized)
    const parts = standIn()
    out.uint(parts.length)
    for (const part of parts) walk.same(part)
    return
  }
  const name = isNative(fn) ? intrinsicName(fn) : undefined
  if (name !== undefined) {
    out.tag(TAG.intrinsic)
    out.string(MAJOR)
    return out.string(name)
  }
  const facts = factsOf(fn, () => walk.path())
  if (facts.internals.bound !== undefined) return writeBound(walk, facts.internals.bound)
  if (facts.native) return walk.refuse(`the native function ${fn.name}`)
  const { origin } = facts
  if (origin.kind === 'builtin') {
    out.tag(TAG.builtinFunction)
    out.string(MAJOR)
    out.string(facts.url)
    return writeForeign(walk, fn, facts)
  }
  const treatment = treatmentOf(origin, walk.options)
  if (origin.kind === 'package' && treatment !== 'source') {
    out.tag(TAG.packageFunction)
    out.string(origin.name)
    out.string(treatment === 'ignore' ? '' : origin.version)
    return writeForeign(walk, fn, facts)
  }
  out.tag(TAG.function)
  writeOwn(walk, fn, facts)
  writeAsObject(walk, fn)
}

function writeBound(walk: Walk, bound: NonNullable<FunctionFacts['internals']['bound']>): void {
  walk.out.tag(TAG.boundFunction)
  walk.value(bound.target, '.[[target]]')
  walk.value(bound.thisArgument, '.[[this]]')
  walk.out.uint(bound.arguments.length)
  for (const [index, argument] of bound.arguments.entries()) walk.value(argument, `.[[arguments]][${index}]`)
}

/**
 * A function of a package or of Node: its text, and what it captured that its module did not make by itself, such as
 * the function that `promisify` was given.
 */
function writeForeign(walk: Walk, fn: Function, facts: FunctionFacts): void {
  const { out } = walk
  out.string(fn.name)
  out.raw(facts.text)
  const scopes = givenScopes(facts)
  if (scopes <= 0 || isOffered(fn, facts.url)) return out.tag(TAG.end)
  walk.insidePackage()
  const bindings = new Bindings(fn, facts)
  for (const variable of parsedText(fn, () => walk.path()).free) {
    const binding = bindings.read(variable, scopes)
    if (binding === undefined || binding.kind === 'global') continue
    out.tag(TAG.variable)
    out.string(variable.name)
    if (binding.kind === 'uninitialised') out.tag(TAG.absent)
    else walk.value(binding.value, ` → ${variable.name}`)
    walk.volatile = true
  }
  out.tag(TAG.end)
}

/** A function of the user: its syntax and its variables. */
function writeOwn(walk: Walk, fn: Function, facts: FunctionFacts): void {
  const { out } = walk
  const source = parsedText(fn, () => walk.path())
  out.raw(source.digest)
  refuseBlind(walk, source, fn, facts)
  const own: Own = { fn, facts, source, bindings: new Bindings(fn, facts) }
  for (const variable of source.free) writeVariable(walk, own, variable)
  if (source.dynamic.some(({ kind }) => kind === 'eval' || kind === 'with')) {
    for (const name of own.bindings.names()) writeVariable(walk, own, wholly(name))
  }
  for (const specifier of source.imports) {
    const from = packageOf(specifier, facts.url)
    if (from === undefined)
      return walk.refuse(`import(${JSON.stringify(specifier)}), a module not loaded yet,`)
    out.tag(TAG.module)
    out.string(from)
  }
  out.tag(TAG.end)
}

interface Own {
  readonly fn: Function
  readonly facts: FunctionFacts
  readonly source: ParsedText
  readonly bindings: Bindings
}

const wholly = (name: string): FreeVariable => ({ name, assigned: false, typeofOnly: false })

/** What no walk can see through ends it, or is said once. */
function refuseBlind(walk: Walk, source: ParsedText, fn: Function, facts: FunctionFacts): void {
  for (const { kind, line } of source.dynamic) {
    if (kind === 'import' || kind === 'require')
      walk.refuse(`${kind}() of a module that only the call names,`)
    walk.blind.push({
      what: kind,
      where: `${fn.name || 'a function'} in ${facts.url || 'code without a file'} (its line ${line})`,
    })
  }
  if (source.kind === 'arrow' && source.usesThis) walk.refuse('the "this" that an arrow function captured,')
  if (source.usesSuper && !walk.isMember) walk.refuse('a method that uses "super", apart from its object,')
}

function writeVariable(walk: Walk, own: Own, variable: FreeVariable): void {
  const { out } = walk
  const { bindings, facts, fn, source } = own
  const { name } = variable
  out.tag(TAG.variable)
  out.string(name)
  if (name !== source.name && hiddenNames(facts).includes(name))
    return walk.refuse(`the variable "${name}", a function's own name that V8 hides,`)
  const binding = bindings.read(variable)!
  if (binding.kind === 'uninitialised') {
    walk.volatile = true
    return out.tag(TAG.absent)
  }
  if (binding.kind === 'global') {
    // a named function expression refers to itself by a variable that V8 does not list
    return name === source.name ? walk.value(fn, '') : writeGlobal(walk, variable)
  }
  if (!binding.constant) walk.volatile = true
  const { imported, value } = binding
  if (
    imported !== undefined &&
    typeof value === 'function' &&
    isNative(value) &&
    intrinsicName(value) === undefined
  ) {
    // a native addon's function: its package says what it is
    out.tag(TAG.module)
    out.string(imported.from)
    return out.string(imported.name)
  }
  if (name === 'require' && isRequire(value)) return writeRequire(walk, value, source, facts)
  if (writePaths(walk, variable, value)) return
  walk.value(value, ` → ${name}`)
}

/** Names of function expressions around a function: V8 keeps them where its scopes do not show. */
function hiddenNames({ internals: { location }, script }: FunctionFacts): readonly string[] {
  return location === undefined || script === undefined
    ? []
    : script.functionNamesAround(location.line, location.column)
}

// paths ------------------------------------------------------------------------------------------------------------

type Reached = { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'absent' }

/**
 * Writes only those members of a variable's value that the function reads, where that is provably all it can depend
 * on: data properties along the way, and no call whose `this` would hand over the whole object.
 */
function writePaths(walk: Walk, variable: FreeVariable, value: unknown): boolean {
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
    else walk.member(end.value, `${variable.name}${path.map(label).join('')}`)
  }
  return true
}

function reach(walk: Walk, root: unknown, { path, called }: MemberPath): Reached | undefined {
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
      // the getter's code and captures decide, unless it looks at the object
      const { get } = property
      if (get === undefined || mayUseThis(walk, get)) return undefined
      return { kind: 'value', value: get }
    }
    value = property.value
    const calledHere = called && index === path.length - 1
    if (calledHere && typeof value === 'function' && mayUseThis(walk, value)) return undefined
  }
  return { kind: 'value', value }
}

function propertyOf(holder: object, key: string): PropertyDescriptor | 'hidden' | undefined {
  for (let at: object | null = holder; at !== null; at = getPrototypeOf(at)) {
    if (types.isProxy(at)) return 'hidden'
    try {
      const property = getOwnPropertyDescriptor(at, key)
      if (property !== undefined) return property
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
  const facts = factsOf(fn, () => walk.path())
  if (facts.internals.bound !== undefined) return false
  if (facts.native || facts.origin.kind !== 'user') return facts.mentionsThis
  if (!facts.mentionsThis) return false
  const { kind, usesThis } = parsedText(fn, () => walk.path())
  return kind !== 'class' && usesThis
}

// globals ----------------------------------------------------------------------------------------------------------

const MAJOR = process.versions.node.split('.', 1)[0]!

function writeGlobal(walk: Walk, variable: FreeVariable): void {
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

// require ----------------------------------------------------------------------------------------------------------

function isRequire(value: unknown): value is NodeJS.Require {
  return (
    typeof value === 'function' &&
    typeof (value as Partial<NodeJS.Require>).resolve === 'function' &&
    'cache' in value
  )
}

/** `require('x')` inside a function: the module as it is loaded now. */
function writeRequire(walk: Walk, require: NodeJS.Require, source: ParsedText, facts: FunctionFacts): void {
  const { out } = walk
  walk.volatile = true
  for (const specifier of source.requires) {
    out.tag(TAG.module)
    out.string(specifier)
    const from = packageOf(specifier, facts.url)
    if (from !== undefined) {
      out.string(from)
      continue
    }
    let loaded: NodeJS.Module | undefined
    try {
      loaded = require.cache[require.resolve(specifier)]
    } catch {
      loaded = undefined
    }
    if (loaded?.loaded !== true)
      return walk.refuse(`require(${JSON.stringify(specifier)}), a module not loaded yet,`)
    walk.value(loaded.exports, ` → require(${JSON.stringify(specifier)})`)
  }
}

// as an object -----------------------------------------------------------------------------------------------------

const STANDARD: ReadonlySet<string | symbol> = new Set(['length', 'name', 'arguments', 'caller', 'prototype'])

/** Own properties beside the usual ones, the prototype of instances, and the class it extends. */
function writeAsObject(walk: Walk, fn: Function): void {
  const { out } = walk
  const parent = getPrototypeOf(fn) as object | null
  if (parent === null || intrinsicName(parent) === undefined) {
    out.tag(TAG.prototype)
    walk.member(parent, '__proto__')
  }
  const keys = Reflect.ownKeys(fn)
  const shape = shapeOf(fn)
  if (shape.usual) walk.plainFunctions.push(shape)
  else {
    walk.volatile = true
    const { prototype } = fn
    if (prototype !== undefined) {
      out.tag(TAG.property)
      walk.member(prototype, 'prototype')
    }
    return writeMembers(
      walk,
      fn,
      keys.filter((key) => !STANDARD.has(key)),
    )
  }
  out.tag(TAG.end)
}

function shapeOf(fn: Function): Shape & { readonly usual: boolean } {
  const keys = Reflect.ownKeys(fn)
  const prototype: unknown = getOwnPropertyDescriptor(fn, 'prototype')?.value
  const isObject = typeof prototype === 'object' && prototype !== null
  const prototypeKeys = isObject ? Reflect.ownKeys(prototype) : []
  const own = prototypeKeys.length === 0 || (prototypeKeys.length === 1 && prototypeKeys[0] === 'constructor')
  const usual = own && !isClass(fn) && keys.every((key) => STANDARD.has(key))
  return { fn, ownKeys: keys.length, prototype, prototypeKeys: prototypeKeys.length, usual }
}

/** Whether a function still has nothing as an object but what it had then. */
export function keepsShape({ fn, ownKeys, prototype, prototypeKeys }: Shape): boolean {
  if (Reflect.ownKeys(fn).length !== ownKeys) return false
  if (prototype === undefined) return true
  const now: unknown = getOwnPropertyDescriptor(fn, 'prototype')?.value
  return now === prototype && Reflect.ownKeys(prototype as object).length === prototypeKeys
}

const isClass = (fn: Function): boolean => {
  const prototype = getOwnPropertyDescriptor(fn, 'prototype')
  return prototype !== undefined && prototype.writable === false
}
