/**
 * Writes what a function is: for the user's code its normalised syntax and the value of each free variable, for a
 * package's its name and version, for Node's and the language's its name. Then what a function has as an object.
 */
import { types } from 'node:util'
import { LOGGERS, writesToConsole } from './brands.ts'
import { isResolving, mayResolve, namesResolving, writeDirectory } from './directory.ts'
import {
  Bindings,
  type FunctionFacts,
  factsOf,
  givenScopes,
  isExportedStill,
  type ParsedText,
  parsedText,
} from './function.ts'
import { localConventions, MAJOR, writeGlobal, writeIntrinsic, writeProcess } from './globals.ts'
import { intrinsicName, isNative } from './intrinsics.ts'
import { addedToStandIn, codeVersionOf, isIgnored, standInOf } from './marks.ts'
import { writeModule } from './modules.ts'
import { writeMembers } from './objects.ts'
import { isOffered } from './offered.ts'
import { originOfImport, packageOf, treatmentOf } from './origin.ts'
import { writePaths } from './paths.ts'
import { isWrittenIn, whereIs } from './place.ts'
import { writePrivateMembers } from './privates.ts'
import { isStandard, shapeOf } from './shape.ts'
import type { FreeVariable } from './source.ts'
import { TAG } from './tags.ts'
import { nameOfHeld, usesIn } from './uses.ts'
import type { Walk } from './walk.ts'

const { getPrototypeOf } = Object
const { cwd } = process

export function writeFunction(walk: Walk, fn: Function): void {
  const { out } = walk
  if (types.isProxy(fn)) return walk.refuse('a Proxy')
  if (isIgnored(fn) || writesToConsole(fn)) return out.tag(TAG.ignored)
  const version = codeVersionOf(fn)
  if (version !== undefined) {
    out.tag(TAG.versioned)
    walk.note(`version ${version}`)
    walk.rechecks.push(() => codeVersionOf(fn) === version)
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
    const above = getPrototypeOf(fn) as object | null
    if (above !== Function.prototype) walk.member(above, '__proto__')
    return writeMembers(walk, fn, addedToStandIn(fn))
  }
  if (fn === cwd) {
    walk.volatile = true
    walk.value(process.cwd(), '()')
  } else if (isResolving(fn)) writeDirectory(walk)
  const name = isNative(fn) ? intrinsicName(fn) : undefined
  if (name !== undefined) {
    out.tag(TAG.intrinsic)
    out.string(MAJOR)
    return out.string(name)
  }
  const facts = factsOf(fn)
  if (facts.internals.bound !== undefined) {
    writeBound(walk, facts.internals.bound)
    return writeAsObject(walk, fn)
  }
  if (facts.native) return walk.refuse(`the native function ${fn.name}`)
  const { origin } = facts
  if (origin.kind === 'package' && LOGGERS.has(origin.name)) return out.tag(TAG.ignored)
  if (origin.kind === 'builtin') {
    out.tag(TAG.builtinFunction)
    out.string(MAJOR)
    out.string(facts.url)
    return writeForeign(walk, fn, facts)
  }
  const treatment = treatmentOf(origin, walk.options)
  if (origin.kind === 'package') walk.metPackage(origin)
  if (origin.kind === 'package' && treatment !== 'source') {
    out.tag(TAG.packageFunction)
    out.string(origin.name)
    out.string(treatment === 'ignore' ? '' : origin.version)
    walk.note(`${origin.name}@${origin.version}`)
    return writeForeign(walk, fn, facts)
  }
  out.tag(TAG.function)
  // what a package was given is the user's again
  walk.outsidePackage()
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
  if (scopes <= 0 || isOffered(fn, facts.url)) return writeAdded(walk, fn)
  walk.insidePackage()
  const bindings = new Bindings(fn, facts)
  for (const variable of parsedText(fn, () => walk.path()).free) {
    const binding = bindings.read(variable, scopes)
    if (binding === undefined || binding.kind === 'global') continue
    out.tag(TAG.variable)
    out.string(variable.name)
    if (binding.kind === 'uninitialised') out.tag(TAG.absent)
    else {
      const what = nameOfHeld(binding.value)
      if (what !== undefined) walk.uses.push({ what, where: whereIs(fn), held: true })
      writeGiven(walk, binding.value, variable.name)
    }
    walk.volatile = true
  }
  out.tag(TAG.end)
  // what was made for a caller may have been given more by it: properties, methods
  writeAsObject(walk, fn)
}

/** The program's functions among the members of a package's function or class: `Object.assign(Model.prototype, methods)`. */
function writeAdded(walk: Walk, fn: Function): void {
  const members = membersOf(fn)
  // a library in one object, not a class
  const some = members.length > MOST_MEMBERS ? [] : members
  for (const { key, value } of some) {
    if (typeof value !== 'function' || types.isProxy(value) || !isOfProgram(value)) continue
    walk.out.tag(TAG.property)
    if (typeof key === 'string') walk.out.string(key)
    walk.member(value, key)
    walk.volatile = true
  }
  walk.out.tag(TAG.end)
  walk.rechecks.push(() => {
    const now = membersOf(fn)
    return now.length === members.length && now.every(({ value }, index) => value === members[index]!.value)
  })
}

const MOST_MEMBERS = 200

/** A function that no package made: the user's own, bound ones, and memoized ones. */
function isOfProgram(fn: Function): boolean {
  if (standInOf(fn) !== undefined) return true
  return isNative(fn) ? intrinsicName(fn) === undefined : factsOf(fn).origin.kind === 'user'
}

interface Member {
  readonly key: string | symbol
  readonly value: unknown
}

/** What a function, its prototype, and the classes above it hold beside what every function does. */
function membersOf(fn: Function): readonly Member[] {
  const members: Member[] = []
  for (
    let maker: unknown = fn;
    typeof maker === 'function' && !types.isProxy(maker);
    maker = getPrototypeOf(maker)
  ) {
    if (maker === Function.prototype || isNative(maker)) break
    const prototype: unknown = Object.getOwnPropertyDescriptor(maker, 'prototype')?.value
    const holders = [maker, ...(typeof prototype === 'object' && prototype !== null ? [prototype] : [])]
    for (const holder of holders) {
      for (const key of Reflect.ownKeys(holder)) {
        if (holder === maker ? isStandard(maker, key) : key === 'constructor') continue
        const { get, value } = Object.getOwnPropertyDescriptor(holder, key)!
        members.push({ key, value: get ?? value })
      }
    }
  }
  return members
}

/** A variable of a package's closure. What nothing can see into is refused there, too: a caller may have given it. */
function writeGiven(walk: Walk, value: unknown, name: string): void {
  if (types.isPromise(value) || types.isProxy(value)) walk.outsidePackage()
  walk.value(value, ` → ${name}`)
  walk.insidePackage()
}

/** A function of the user: its syntax and its variables. */
function writeOwn(walk: Walk, fn: Function, facts: FunctionFacts): void {
  const { out } = walk
  const source = parsedText(fn, () => walk.path())
  out.raw(source.digest)
  if (walk.trace !== undefined) walk.note(`code ${Buffer.from(source.digest).toString('hex')}`, whereIs(fn))
  refuseBlind(walk, source, fn, facts)
  const own: Own = { fn, facts, source, bindings: new Bindings(fn, facts) }
  walk.uses.push(...usesIn(fn, facts, source, own.bindings))
  for (const variable of source.free) writeVariable(walk, own, variable)
  if (source.dynamic.some(({ kind }) => kind === 'eval' || kind === 'with')) {
    for (const name of own.bindings.names()) writeVariable(walk, own, wholly(name))
  }
  if (source.usesLocale) {
    const conventions = localConventions()
    out.tag(TAG.global)
    out.string(conventions)
    walk.rechecks.push(() => localConventions() === conventions)
  }
  if (source.usesImportMeta) {
    if (facts.blind) walk.refuse('import.meta, which V8 does not show,')
    out.tag(TAG.module)
    out.string(facts.url)
  }
  for (const specifier of source.imports) writeModule(walk, specifier, facts.url)
  if ([...source.imports, ...source.requires].some(namesResolving)) writeDirectory(walk)
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
    if (kind === 'field') walk.refuse('a class with a field whose name was computed,')
    walk.blind.push({
      what: kind,
      where: `${fn.name || 'a function'} in ${facts.url || 'code without a file'} (its line ${line})`,
    })
  }
  if (source.kind === 'arrow' && source.usesThis) walk.refuse('the "this" that an arrow function captured,')
  if (source.usesSuper && !isAtHome(walk, fn))
    walk.refuse('a method that uses "super", apart from its object,')
}

/** Whether a method is met in the class that it was written in, which is where its `super` looks. */
function isAtHome(walk: Walk, fn: Function): boolean {
  const { holder } = walk
  if (!walk.isMember || holder === undefined) return walk.isMember
  return typeof holder !== 'symbol' && isWrittenIn(holder, fn)
}

function writeVariable(walk: Walk, own: Own, variable: FreeVariable): void {
  const { out } = walk
  const { bindings, facts, fn, source } = own
  const { name } = variable
  out.tag(TAG.variable)
  out.string(name)
  if (name !== source.name && hiddenNames(facts).includes(name))
    return walk.refuse(`the variable "${name}", a function's own name that V8 hides,`)
  if (facts.blind && name !== source.name)
    return walk.refuse(`the variable "${name}", which V8 does not show,`)
  const binding = bindings.read(variable)!
  if (binding.kind === 'uninitialised') {
    walk.volatile = true
    return out.tag(TAG.absent)
  }
  if (binding.kind === 'global') {
    const { global } = facts.internals
    if (name !== source.name) {
      // without the script's text nothing tells a missing global from a name that V8 hides
      if (facts.script === undefined && !variable.typeofOnly && !(name in global))
        return walk.refuse(`the variable "${name}", which V8 does not show,`)
      return writeGlobal(walk, variable, global)
    }
    // a named function expression refers to itself by a variable that V8 does not list; a declaration may be a global
    walk.value(fn, '')
    return name in global ? writeGlobal(walk, variable, global) : undefined
  }
  if (!binding.constant) walk.volatile = true
  else if (binding.imported !== undefined) walk.rechecks.push(() => isExportedStill(binding))
  const { imported, value } = binding
  if (
    imported !== undefined &&
    typeof value === 'function' &&
    isNative(value) &&
    intrinsicName(value) === undefined
  ) {
    // a native addon's function: its package says what it is
    const at = imported.from.lastIndexOf('@')
    if (at > 0) walk.metPackage({ name: imported.from.slice(0, at), version: imported.from.slice(at + 1) })
    out.tag(TAG.module)
    out.string(imported.from)
    return out.string(imported.name)
  }
  if (isRequire(value)) {
    if (name === 'require') return writeRequire(walk, value, source, facts)
    return walk.refuse(`require() by another name, "${name}",`)
  }
  if (value === process) return writeProcess(walk, variable)
  if (mayResolve(variable, value)) writeDirectory(walk)
  if (writeIntrinsic(walk, variable, value) || writePaths(walk, variable, value)) return
  walk.captured(value, name)
}

/** Names of function expressions around a function: V8 keeps them where its scopes do not show. */
function hiddenNames({ internals: { location }, script }: FunctionFacts): readonly string[] {
  return location === undefined || script === undefined
    ? []
    : script.functionNamesAround(location.line, location.column)
}

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
    const origin = originOfImport(specifier, facts.url)
    if (origin?.kind === 'package') walk.metPackage(origin)
    const treatment = origin && treatmentOf(origin, walk.options)
    if (from !== undefined && (origin?.kind === 'builtin' || treatment !== 'source')) {
      out.string(treatment === 'ignore' ? '' : from)
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
    writePrivateMembers(walk, fn, fn)
    return writeMembers(
      walk,
      fn,
      keys.filter((key) => !isStandard(fn, key)),
    )
  }
  out.tag(TAG.end)
}
