/**
 * Which functions a loaded CommonJS package, or Node, offers to everybody. Such a function is the same for all who
 * use that version; any other function of a package may be a closure over what its caller gave it.
 */
import { createRequire } from 'node:module'
import { types } from 'node:util'
import { originalOf } from './marks.ts'
import { pathOf } from './origin.ts'

const offered = new Map<string, WeakSet<object>>()

/** How deep exports are searched: `exports.a.b.c`, and the prototypes of classes. */
const DEPTH = 4
const LONGEST = 1000

/** Whether `fn`, of the script at `url`, can be reached from what that script exports. */
export function isOffered(fn: Function, url: string): boolean {
  const file = url.startsWith('node:') ? url : pathOf(url)
  if (file === undefined) return false
  let functions = offered.get(file)
  if (functions === undefined) {
    const found = exportsOf(file)
    if (found === undefined) return false
    functions = new WeakSet()
    collect(found, functions, DEPTH, new Set())
    offered.set(file, functions)
  }
  return functions.has(fn)
}

function exportsOf(file: string): unknown {
  if (file.startsWith('node:')) return process.getBuiltinModule(file)
  const loaded = createRequire(import.meta.url).cache[file]
  return loaded?.loaded === true ? loaded.exports : undefined
}

function collect(found: unknown, functions: WeakSet<object>, depth: number, seen: Set<unknown>): void {
  const value = originalOf(found)
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return
  if (seen.has(value) || types.isProxy(value) || ArrayBuffer.isView(value)) return
  // a table, not an interface
  if (Array.isArray(value) && value.length > LONGEST) return
  seen.add(value)
  if (typeof value === 'function') functions.add(value)
  if (depth === 0) return
  for (const [key, { value: member, get }] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
    if (key === 'constructor') continue
    if (get !== undefined && EXPORT_GETTER.test(Function.prototype.toString.call(get))) {
      collect(exported(get, value), functions, depth - 1, seen)
    } else collect(member, functions, depth - 1, seen)
  }
}

/** The getters by which compilers export a variable: they read it and do nothing else. */
const EXPORT_GETTER =
  /^(?:\(\)\s*=>\s*(?!this\b)[\w$.[\]]+|function\s*\w*\s*\(\)\s*\{\s*return\s+(?!this\b)[\w$.[\]]+;?\s*\})$/

function exported(getter: () => unknown, exports: object): unknown {
  try {
    return getter.call(exports)
  } catch {
    // a module that is not there, or not yet
    return undefined
  }
}
