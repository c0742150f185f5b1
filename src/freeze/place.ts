/**
 * Where a function stands in the user's files and what it is called there: for names, messages and options, never for
 * its identity.
 */
import { existsSync } from 'node:fs'
import { findSourceMap } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { types } from 'node:util'
import { type FunctionFacts, factsOf, parsedText } from './function.ts'
import { scriptOf } from './inspect.ts'
import { pathOf } from './origin.ts'

export interface Place {
  /** Relative to the folder of the nearest package.json, with forward slashes; undefined for code without a file. */
  readonly file: string | undefined
  readonly name: string
  /** From 1. */
  readonly line: number
}

const places = new WeakMap<Function, Place>()

/** Never throws: where V8 does not tell, the function's own name has to do. */
export function placeOf(fn: Function): Place {
  let place = places.get(fn)
  if (place === undefined) {
    place = find(fn)
    places.set(fn, place)
  }
  return place
}

function find(fn: Function): Place {
  const name = fn.name === '' ? 'anonymous' : fn.name
  try {
    const { internals, script, url } = factsOf(fn)
    const path = pathOf(url)
    const at = internals.location
    const found = at && script?.nameAt(at.line, at.column)
    return {
      file: path && relative(rootOf(path), path).split(sep).join('/'),
      name: found ?? name,
      line: lineIn(url, at?.line ?? 0, at?.column ?? 0) + 1,
    }
  } catch {
    return { file: undefined, name, line: 1 }
  }
}

/** The line that the source of compiled code has, where its compiler told Node; from 0. */
function lineIn(url: string, line: number, column: number): number {
  const entry = (findSourceMap(url) ?? findSourceMap(pathOf(url) ?? ''))?.findEntry(line, column)
  return entry !== undefined && 'originalLine' in entry ? entry.originalLine : line
}

/** `src/x.ts:12` for a place in the text of a function; the function's name for code without a file. */
export function whereAt(fn: Function, { internals, url }: FunctionFacts, offset: number): string {
  const { file, line, name } = placeOf(fn)
  if (file === undefined) return name
  const source = internals.location && scriptOf(internals.location.scriptId)?.source
  if (source === undefined) return `${file}:${line}`
  const text = Function.prototype.toString.call(fn)
  const lines = source.split('\n', internals.location!.line + 1)
  const near = lines.slice(0, -1).reduce((sum, one) => sum + one.length + 1, 0) + internals.location!.column
  // V8 says where the parameters begin, or a class its constructor; the text begins before
  const start = source.lastIndexOf(text, near)
  if (start < 0) return `${file}:${line}`
  const before = source.slice(0, start + offset).split('\n')
  return `${file}:${lineIn(url, before.length - 1, before.at(-1)!.length) + 1}`
}

/** `src/x.ts:12` for a line and a column, from 0, of the script at that URL or path; undefined for code without a file. */
export function placeAt(url: string, line: number, column: number): string | undefined {
  const path = pathOf(url)
  if (path === undefined) return undefined
  return `${relative(rootOf(path), path).split(sep).join('/')}:${lineIn(url, line, column) + 1}`
}

function rootOf(path: string): string {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) return dirname(path)
  }
}

/** `helper in src/x.ts:12`, for people. */
export function whereIs(fn: Function): string {
  const { file, line, name } = placeOf(fn)
  return file === undefined ? name : `${name} in ${file}:${line}`
}

/** The names of a function's parameters by position; null for one that is a pattern. */
export function parametersOf(fn: Function): readonly (string | null)[] {
  return parsedText(fn, () => fn.name).parameters
}

const supers = new WeakMap<Function, boolean>()

/** Whether a method calls what its object inherits. */
export function looksAtSuper(fn: Function): boolean {
  let uses = supers.get(fn)
  if (uses === undefined) {
    try {
      uses = /\bsuper\b/.test(Function.prototype.toString.call(fn)) && parsedText(fn, () => fn.name).usesSuper
    } catch {
      uses = false
    }
    supers.set(fn, uses)
  }
  return uses
}

/** Whether a method was written in the class that an object is, or whose prototype it is. */
export function isWrittenIn(holder: object, method: Function): boolean {
  if (types.isProxy(holder)) return false
  const maker: unknown =
    typeof holder === 'function' ? holder : Object.getOwnPropertyDescriptor(holder, 'constructor')?.value
  if (typeof maker !== 'function' || types.isProxy(maker)) return false
  const text = Function.prototype.toString
  return text.call(maker).includes(text.call(method))
}

/** Whether an object inherits from the class that a method was written in. */
export function inheritsFrom(object: unknown, method: Function): boolean {
  if ((typeof object !== 'object' && typeof object !== 'function') || object === null) return false
  for (let at: object | null = object; at !== null && !types.isProxy(at); at = Object.getPrototypeOf(at)) {
    if (isWrittenIn(at, method)) return true
  }
  return false
}

/** Whether a function may look at the object it is called on. Never wrongly false. */
export function looksAtThis(fn: Function): boolean {
  try {
    const { internals, mentionsThis, native } = factsOf(fn)
    if (internals.bound !== undefined) return false
    if (native) return true
    if (!mentionsThis) return false
    const { kind, usesSuper, usesThis } = parsedText(fn, () => fn.name)
    return kind !== 'arrow' && (usesThis || usesSuper)
  } catch {
    return true
  }
}
