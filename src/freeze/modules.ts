/**
 * A module of the user's behind `import('./x.js')`: nothing shows it before it is loaded, so it is known by its
 * source and that of all it imports, in turn. Its state is not seen; that it has when it is loaded follows from its source.
 */
import { readFileSync } from 'node:fs'
import { digestBytes, hashBytes } from './digest.ts'
import { packageOf } from './function.ts'
import { scriptAt } from './inspect.ts'
import { pathOf } from './origin.ts'
import { parseProgram } from './parse.ts'
import { syntaxBytes } from './syntax.ts'
import { TAG } from './tags.ts'
import { eachChild, type Node } from './tree.ts'
import type { Walk } from './walk.ts'

interface ModuleSource {
  readonly digest: Uint8Array
  /** Specifiers of all static imports and literal `import()`s, in order of the source. */
  readonly imports: readonly string[]
  /** It has an `import()` that only the run decides. */
  readonly opaque: boolean
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
    const known = packageOf(to, from)
    out.tag(TAG.module)
    out.string(to)
    if (known !== undefined) return out.string(known)
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
    if (source.opaque) walk.blind.push({ what: 'import() of a module that only the run decides', where: url })
    for (const imported of source.imports) write(imported, url)
    out.tag(TAG.end)
  }
}

function urlOf(specifier: string, base: string): string | undefined {
  // bare names that are no packages, and #imports, are found by rules that only the loader knows
  if (!/^\.{0,2}\/|^file:/.test(specifier)) return undefined
  try {
    return new URL(specifier, base).href
  } catch {
    return undefined
  }
}

/** What runs, if it is loaded; else what would be loaded now. */
function sourceAt(url: string): ModuleSource | undefined {
  let text = scriptAt(url)?.source
  if (text === undefined) {
    try {
      text = readFileSync(pathOf(url) ?? '', 'utf8')
    } catch {
      return undefined
    }
  }
  const key = digestBytes(Buffer.from(text, 'utf16le'))
  if (!parsed.has(key)) parsed.set(key, /\.json(?:$|[?#])/.test(url) ? data(text) : parse(text))
  return parsed.get(key)
}

const data = (text: string): ModuleSource => ({
  digest: hashBytes(Buffer.from(text, 'utf16le')),
  imports: [],
  opaque: false,
})

function parse(text: string): ModuleSource | undefined {
  const program = parseProgram(text)?.program
  if (program === undefined) return undefined
  const imports: string[] = []
  let opaque = false
  const stack: Node[] = [program]
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    const specifier: unknown = node.source?.value
    if (typeof specifier === 'string') imports.push(specifier)
    else if (node.type === 'ImportExpression') opaque = true
    eachChild(node, (child) => stack.push(child))
  }
  return { digest: hashBytes(syntaxBytes(program)), imports: imports.sort(), opaque }
}
