/**
 * A module of the user's behind `import('./x.js')`: nothing shows it before it is loaded, so it is known by its source and
 * that of all it imports or requires, in turn, and by what globals they name are now. The state it has when it is loaded
 * follows from these.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { having, isDigest, isFlag, isText, listOf } from './checks.ts'
import { digestBytes, hashBytes } from './digest.ts'
import { localConventions, writeGlobal } from './globals.ts'
import { scriptAt } from './inspect.ts'
import { type Reading, readOnce } from './kept.ts'
import { originOfImport, packageOf, pathOf, treatmentOf } from './origin.ts'
import { parseProgram } from './parse.ts'
import { LOCAL } from './source.ts'
import { syntaxBytes } from './syntax.ts'
import { TAG } from './tags.ts'
import { eachChild, type Node } from './tree.ts'
import { type FreeVariable, globalsOf, isFreeVariable } from './variables.ts'
import type { Walk } from './walk.ts'

/** Plain data that survives JSON. */
export interface ModuleData {
  /** Of its syntax. */
  readonly digest: string
  /** Specifiers of all static imports, literal `import()`s and `require()`s, sorted. */
  readonly imports: readonly string[]
  /** What it reads from the global scope. */
  readonly globals: readonly FreeVariable[]
  /** It names something that depends on the default time zone or locale. */
  readonly usesLocale: boolean
  /** What it runs that only the run decides, in words. */
  readonly opaque: readonly string[]
}

interface ModuleSource extends Omit<ModuleData, 'digest'> {
  readonly digest: Uint8Array
}

export const MODULE: Reading<ModuleData> = {
  name: 'module',
  read: readModule,
  isSound: having<ModuleData>({
    digest: isDigest,
    imports: listOf(isText),
    globals: listOf(isFreeVariable),
    usesLocale: isFlag,
    opaque: listOf(isText),
  }),
}

const parsed = new Map<string, ModuleSource | undefined>()

/** Writes the module that `specifier` names from `base`, and all it imports, each once. */
export function writeModule(walk: Walk, specifier: string, base: string): void {
  const { out } = walk
  // files can change while the program runs
  walk.volatile = true
  const numbers = new Map<string, number>()
  const queue: string[] = []
  const write = (to: string, from: string): void => {
    out.tag(TAG.module)
    out.string(to)
    const origin = originOfImport(to, from)
    if (origin?.kind === 'package') walk.metPackage(origin)
    const treatment = origin && treatmentOf(origin, walk.options)
    // which file of a package is loaded follows rules that only the loader knows
    if (origin?.kind === 'package' && treatment === 'source')
      return walk.refuse(`import(${JSON.stringify(to)}), a package to be known by its source,`)
    const known = packageOf(to, from)
    if (known !== undefined) return out.string(treatment === 'ignore' ? '' : known)
    const url = urlOf(to, from)
    if (url === undefined) return walk.refuse(`import(${JSON.stringify(to)}), which cannot be found,`)
    let number = numbers.get(url)
    if (number === undefined) {
      number = numbers.size
      numbers.set(url, number)
      queue.push(url)
    }
    out.uint(number)
  }
  write(specifier, base)
  for (let url = queue.shift(); url !== undefined; url = queue.shift()) {
    const source = sourceAt(url)
    if (source === undefined)
      return walk.refuse(`import(${JSON.stringify(specifier)}), since ${url} cannot be read,`)
    out.raw(source.digest)
    if (source.usesLocale) out.string(localConventions())
    for (const what of source.opaque) walk.blind.push({ what, where: url })
    for (const variable of source.globals) {
      out.tag(TAG.variable)
      out.string(variable.name)
      writeGlobal(walk, variable, globalThis)
    }
    for (const imported of source.imports) write(imported, url)
    out.tag(TAG.end)
  }
}

function urlOf(specifier: string, base: string): string | undefined {
  // bare names that are no packages, and #imports, are found by rules that only the loader knows
  if (!/^\.{0,2}\/|^file:/.test(specifier)) return undefined
  try {
    const { href } = new URL(specifier, base)
    if (existsSync(pathOf(href) ?? '')) return pathToFileURL(realpathSync(pathOf(href)!)).href
    // `require` adds extensions
    return pathToFileURL(createRequire(base).resolve(specifier)).href
  } catch {
    return undefined
  }
}

/** What the file of each URL held when it was last read, of modules that were not loaded then. */
const onDisk = new Map<string, string>()

/** What runs, if it is loaded; else what would be loaded now. */
function sourceAt(url: string): ModuleSource | undefined {
  let text = scriptAt(url)?.source
  if (text === undefined) {
    try {
      text = readFileSync(pathOf(url) ?? '', 'utf8')
    } catch {
      return undefined
    }
    if (onDisk.get(url) !== text) {
      // it may have been loaded before this edit, and since V8 was last asked for its scripts, which takes a while
      text = scriptAt(url, 'ask again')?.source ?? text
      onDisk.set(url, text)
    }
  }
  const key = digestBytes(Buffer.from(text, 'utf16le'))
  if (!parsed.has(key)) parsed.set(key, /\.json(?:$|[?#])/.test(url) ? data(text) : parse(text))
  return parsed.get(key)
}

const data = (text: string): ModuleSource => ({
  digest: hashBytes(Buffer.from(text, 'utf16le')),
  imports: [],
  globals: [],
  usesLocale: false,
  opaque: [],
})

/** What a CommonJS module is given; `require` is looked at apart. */
const WRAPPER: ReadonlySet<string> = new Set(['exports', 'require', 'module', '__filename', '__dirname'])

function parse(text: string): ModuleSource | undefined {
  const read = readOnce(text, MODULE)
  return read && { ...read, digest: Buffer.from(read.digest, 'hex') }
}

/** Undefined if it cannot be read. */
export function readModule(text: string): ModuleData | undefined {
  const program = parseProgram(text, true)?.program
  if (program === undefined) return undefined
  const imports = new Set<string>()
  const opaque = new Set<string>()
  let usesLocale = false
  const parents = new Map<Node, Node>()
  const stack: Node[] = [program]
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    look(node)
    const parent = node
    eachChild(node, (child) => {
      parents.set(child, parent)
      stack.push(child)
    })
  }
  let globals: readonly FreeVariable[]
  try {
    globals = globalsOf(program, parents)
  } catch (error) {
    // nested too deeply for the scope analyser
    if (error instanceof RangeError) return undefined
    throw error
  }
  for (const { name } of globals) {
    if (name === 'eval' || name === 'Function') opaque.add(name)
  }
  return {
    digest: digestBytes(syntaxBytes(program)),
    imports: [...imports].sort(),
    globals: globals.filter(({ name }) => !WRAPPER.has(name)),
    usesLocale,
    opaque: [...opaque],
  }

  function look(node: Node): void {
    const specifier: unknown = node.source?.value
    if (typeof specifier === 'string') imports.add(specifier)
    else if (node.type === 'ImportExpression') opaque.add('import() of a module that only the run decides')
    else if (node.type === 'WithStatement') opaque.add('with')
    if (node.type !== 'Identifier') return
    if (LOCAL.test(node.name)) usesLocale = true
    if (node.name === 'createRequire') opaque.add('require() of a module that only the run decides')
    if (node.name !== 'require') return
    const call = parents.get(node)
    const required: unknown =
      call?.type === 'CallExpression' && call.callee === node ? call.arguments[0]?.value : undefined
    if (typeof required === 'string') imports.add(required)
    else if (call?.type !== 'MemberExpression' || call.property !== node)
      opaque.add('require() of a module that only the run decides')
  }
}
