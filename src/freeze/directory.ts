/**
 * What of Node goes by the current directory without naming it: `path.resolve` and its like make a relative path absolute.
 */
import path, { posix, win32 } from 'node:path'
import url, { pathToFileURL } from 'node:url'
import { types } from 'node:util'
import type { FreeVariable } from './source.ts'
import type { Walk } from './walk.ts'

// as it was when this was loaded: programs put others in its place
const { cwd } = process

const FUNCTIONS: ReadonlySet<unknown> = new Set([
  ...[posix, win32].flatMap(({ relative, resolve }) => [relative, resolve]),
  pathToFileURL,
])
const MODULES: ReadonlySet<unknown> = new Set([path, posix, win32, url])

const NAMES: ReadonlySet<string> = new Set(['relative', 'resolve', 'pathToFileURL'])
const SPECIFIER = /^(?:node:)?(?:path(?:\/\w+)?|url)$/

/** Whether it is such a function. */
export const isResolving = (fn: Function): boolean => FUNCTIONS.has(fn)

/** Whether a function that has a module of them in this variable may call one. */
export function mayResolve({ paths }: FreeVariable, value: unknown): boolean {
  const module = types.isModuleNamespaceObject(value) ? (value as { default?: unknown }).default : value
  return MODULES.has(module) && (paths?.some(({ path }) => path.some((step) => NAMES.has(step))) ?? true)
}

/** Whether a module of them is what somebody requires or imports by this name. */
export const namesResolving = (specifier: string): boolean => SPECIFIER.test(specifier)

/** The current directory counts. */
export function writeDirectory(walk: Walk): void {
  const directory = cwd()
  walk.rechecks.push(() => cwd() === directory)
  walk.value(directory, '()')
}
