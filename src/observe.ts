/**
 * Notices what a function uses while it runs that its key does not cover: the clock, randomness, the environment, files that are
 * not among its input files, the network, other processes. A use counts for all memoized calls around it that want to
 * know, however they overlap; the machinery of Node and of this package is nobody's use.
 */
import { resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { types } from 'node:util'
import { UncertainError } from './errors.ts'
import { warn } from './events.ts'
import { type Frame, running } from './frame.ts'
import { LOGGERS } from './freeze/brands.ts'
import { isOwn, originOf } from './freeze/origin.ts'
import { placeAt } from './freeze/place.ts'
import { isNodes, type Use } from './freeze/uses.ts'
import { isFine } from './impure.ts'
import type { Keyed } from './key.ts'
import type { Memo } from './memo.ts'
import { install, remove } from './patches.ts'

/** What one call was noticed to use. */
interface Observation {
  readonly memo: Memo
  /** Absolute paths of its input files. */
  readonly declared: ReadonlySet<string>
  /** Names of the environment variables that its key has. */
  readonly environment: ReadonlySet<string>
  /** By what makes two uses the same. */
  readonly uses: Map<string, Use>
}

const observations = new WeakMap<Frame, Observation>()
const { then } = Promise.prototype

/** Run the function; until it is done, notice what it uses, if its options say so. */
export function observed<T>(memo: Memo, keyed: Keyed, frame: Frame, run: () => T): T {
  if (memo.observe === false) return run()
  const observation: Observation = {
    memo,
    // a folder out of which something is left is not declared as a whole
    declared: new Set(keyed.inputPaths.filter((path) => !/[/\\]$/.test(path)).map((path) => resolve(path))),
    environment: new Set(keyed.environment),
    uses: new Map(),
  }
  observations.set(frame, observation)
  install(notice)
  const done = (): void => {
    remove()
    if (memo.observe === 'warn') warnOf(observation)
  }
  let result: T
  try {
    result = run()
  } catch (error) {
    done()
    throw error
  }
  if (types.isPromise(result)) Reflect.apply(then, result, [done, done])
  else done()
  return result
}

/** Why what a call returned must not be kept: what it used. */
export function whyRefused({ observe }: Memo, frame: Frame): UncertainError | undefined {
  const uses = observations.get(frame)?.uses
  if (observe !== 'refuse' || uses === undefined || uses.size === 0) return undefined
  return new UncertainError(`it used ${inWords(uses)}, which its key does not cover`)
}

function warnOf({ memo: { name }, uses }: Observation): void {
  if (uses.size > 0)
    warn('WARN_IMPURE', name, `${name}: it used ${inWords(uses)}, which its key does not cover`)
}

/** Uses told at most. */
const MOST_USES = 5

function inWords(uses: ReadonlyMap<string, Use>): string {
  const told = [...uses.values()].slice(0, MOST_USES).map(({ what, where }) => `${what} at ${where}`)
  const more = uses.size - told.length
  return told.join(', ') + (more > 0 ? `, and ${more} more` : '')
}

let busy = false

function notice(what: string, args: readonly unknown[], standIn: Function, original: unknown): void {
  // looking where it was uses files, too
  if (busy) return
  let wanting: Observation[] | undefined
  const path = what.startsWith('fs.') ? readPath(args) : undefined
  if (what.startsWith('fs.') && path === undefined) return
  const use = path === undefined ? what : `${what} ${path}`
  for (let frame = running(); frame !== undefined; frame = frame.outer) {
    const observation = observations.get(frame)
    if (observation !== undefined && isNew(observation, what, path, use)) {
      wanting ??= []
      wanting.push(observation)
    }
  }
  if (wanting === undefined) return
  busy = true
  try {
    // what a program put in the place of Node's own is in its key
    if (!isNodes(original)) return
    const where = callerOf(standIn)
    if (where === undefined) return
    const told = path === undefined ? what : `${what}(${JSON.stringify(path)})`
    for (const { uses } of wanting) uses.set(use, { what: told, where })
  } finally {
    busy = false
  }
}

function isNew(
  { declared, environment, memo, uses }: Observation,
  what: string,
  path: string | undefined,
  use: string,
): boolean {
  if (uses.has(use) || isFine(memo.purity, what)) return false
  if (path !== undefined) return !declared.has(path)
  if (!what.startsWith('process.env.')) return true
  return !uses.has('process.env') && !environment.has(what.slice('process.env.'.length))
}

/** The absolute path of the file that is read; undefined where none is, or one of a package. */
function readPath([given, flags]: readonly unknown[]): string | undefined {
  // one opened for writing only
  if (typeof flags === 'string' && /^[wa]x?s?$/.test(flags)) return undefined
  if (typeof flags === 'number' && (flags & 3) === 1) return undefined
  let path: string
  if (typeof given === 'string') path = given
  else if (given instanceof URL) path = fileURLToPath(given)
  else if (types.isUint8Array(given)) path = Buffer.from(given).toString()
  else return undefined
  const whole = resolve(path)
  return whole.split(sep).includes('node_modules') ? undefined : whole
}

/** Node's own code that does what it was asked and no more: what calls it is the user. */
const TRANSPARENT = /^node:internal\/(?:util$|util\/|fs\/streams)/

/** Where the user's code is that led to a call, undefined where none did. */
function callerOf(standIn: Function): string | undefined {
  let inPackage: string | undefined
  for (const site of sitesAbove(standIn)) {
    const url = site.getFileName() ?? ''
    // native code, such as that of `map`, and text that was evaluated
    if (url === '' || !/[/:\\]/.test(url)) continue
    if (isOwn(url)) break
    if (url.startsWith('node:')) {
      // what Node does by itself, or for what was noticed already
      if (inPackage === undefined && !TRANSPARENT.test(url)) break
      continue
    }
    const origin = originOf(url)
    if (origin.kind === 'package') {
      if (LOGGERS.has(origin.name)) break
      inPackage ??= origin.name
      continue
    }
    return placeAt(url, (site.getLineNumber() ?? 1) - 1, (site.getColumnNumber() ?? 1) - 1) ?? url
  }
  return inPackage
}

const DEPTH = 50

function sitesAbove(standIn: Function): readonly NodeJS.CallSite[] {
  const settings = Error as { stackTraceLimit?: number; prepareStackTrace?: unknown }
  const before = Object.getOwnPropertyDescriptors(settings)
  const holder: { stack?: readonly NodeJS.CallSite[] } = {}
  try {
    settings.stackTraceLimit = DEPTH
    settings.prepareStackTrace = (_: unknown, sites: readonly NodeJS.CallSite[]) => sites
    Error.captureStackTrace(holder, standIn)
    return holder.stack ?? []
  } finally {
    for (const key of ['stackTraceLimit', 'prepareStackTrace'] as const) {
      const property = before[key]
      if (property === undefined) delete settings[key]
      else Object.defineProperty(settings, key, property)
    }
  }
}
