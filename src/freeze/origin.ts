/**
 * Where code comes from: Node itself, a package by name and version, or the user. Code under `node_modules` belongs
 * to the package whose package.json is nearest; linked and workspace packages have their real path elsewhere and
 * are the user's. Reads package.json files, once each.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export type Origin =
  | { readonly kind: 'user' }
  | { readonly kind: 'builtin' }
  | { readonly kind: 'package'; readonly name: string; readonly version: string }

/** How code of packages is identified: all alike, or by the package's name. */
export type Packages = 'version' | 'source' | Readonly<Record<string, 'version' | 'source' | 'ignore'>>

/** How code of that origin is identified; the user's own always by source, Node's always by version. */
export function treatmentOf(
  origin: Origin,
  { packages }: { readonly packages: Packages },
): 'version' | 'source' | 'ignore' {
  if (origin.kind !== 'package') return origin.kind === 'user' ? 'source' : 'version'
  if (typeof packages === 'string') return packages
  return Object.hasOwn(packages, origin.name) ? packages[origin.name]! : 'version'
}

const USER: Origin = { kind: 'user' }
const BUILTIN: Origin = { kind: 'builtin' }
const origins = new Map<string, Origin>()

/** The origin of a script by its URL or path, as V8 reports it. Code without a file is the user's. */
export function originOf(url: string): Origin {
  let origin = origins.get(url)
  if (origin === undefined) {
    origin = find(url)
    origins.set(url, origin)
  }
  return origin
}

/**
 * This package: its code is a package's wherever it lies, linked or cloned, in one file or in many. Undefined where somebody has made
 * it part of a file of their own.
 */
const own = ownPackage()

function ownPackage(): (Named & { readonly code: string; readonly path: string }) | undefined {
  const code = /^.*\/dist\//.exec(import.meta.url)?.[0]
  const named = code === undefined ? undefined : readPackage(fileURLToPath(new URL('../', code)))
  if (code === undefined || named?.name !== 'permafrost') return undefined
  return { ...named, code, path: fileURLToPath(code) }
}

/** Whether nobody needs to read the source of the script at that URL, from the URL alone. */
export function isForeign(url: string): boolean {
  return url.startsWith('node:') || isOwn(url) || url.includes('/node_modules/')
}

/** Whether the script at that URL is this package's. */
export const isOwn = (url: string): boolean =>
  own !== undefined && (url.startsWith(own.code) || url.startsWith(own.path))

function find(url: string): Origin {
  if (url.startsWith('node:')) return BUILTIN
  if (own !== undefined && isOwn(url)) return { kind: 'package', name: own.name, version: own.version }
  const path = pathOf(url)
  if (path === undefined || !path.split(sep).includes('node_modules')) return USER
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const named = readPackage(folder)
    if (named !== undefined) return { kind: 'package', ...named }
    if (folder.endsWith(`${sep}node_modules`)) break
  }
  return USER
}

/** The file of a script, or undefined when it has none. */
export function pathOf(url: string): string | undefined {
  if (url.startsWith('file:')) {
    try {
      return fileURLToPath(url)
    } catch {
      return undefined
    }
  }
  return url.startsWith(sep) || /^[A-Za-z]:[\\/]/.test(url) ? url : undefined
}

/** `node:fs` or `name@version` for a specifier that leads out of the user's code, else undefined. */
export function packageOf(specifier: string, url: string): string | undefined {
  if (isBuiltin(specifier)) return specifier.startsWith('node:') ? specifier : `node:${specifier}`
  const origin = originOfImport(specifier, url)
  return origin?.kind === 'package' ? `${origin.name}@${origin.version}` : undefined
}

/** Whose code a bare specifier leads to; undefined if that cannot be told. */
export function originOfImport(specifier: string, url: string): Origin | undefined {
  if (isBuiltin(specifier)) return { kind: 'builtin' }
  const folder = folderOfImport(specifier, url)
  return folder === undefined ? undefined : originOf(join(folder, 'package.json'))
}

/** The real folder of the package that a bare specifier leads to. */
function folderOfImport(specifier: string, url: string): string | undefined {
  if (/^[./#]|^[a-z]+:/.test(specifier)) return undefined
  const [scope, name] = specifier.split('/')
  const folderName = specifier.startsWith('@') ? join(scope!, name ?? '') : scope!
  const path = pathOf(url)
  if (path === undefined) return undefined
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', folderName)
    if (existsSync(candidate)) return realpathSync(candidate)
    if (folder === dirname(folder)) return undefined
  }
}

/**
 * This package and all that it reads code with, each as `name@version`; undefined where one of them is not to be found as a
 * package.
 */
export function readersOfCode(): readonly string[] | undefined {
  const here = import.meta.url
  const scopes = folderOfImport('eslint-scope', here)
  if (own === undefined || scopes === undefined) return undefined
  const inside = join(scopes, 'package.json')
  const found = [
    packageOf('acorn', here),
    packageOf('eslint-scope', here),
    packageOf('esrecurse', inside),
    packageOf('estraverse', inside),
  ].filter((one) => one !== undefined)
  return found.length === 4 ? [`${own.name}@${own.version}`, ...found] : undefined
}

interface Named {
  readonly name: string
  readonly version: string
}

function readPackage(folder: string): Named | undefined {
  try {
    const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>
    const { name, version } = found
    // a package.json without both, as in dist/esm/package.json, only sets the module type
    if (typeof name === 'string' && typeof version === 'string') return { name, version }
  } catch {
    // none here, or not readable: the folder above decides
  }
  return undefined
}
