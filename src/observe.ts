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
import { around, depend, type Frame, isInside } from './frame.ts'
import { LOGGERS } from './freeze/brands.ts'
import { isDigest } from './freeze/checks.ts'
import { listenToListings } from './freeze/files.ts'
import type { InputVersion } from './freeze/freeze.ts'
import { inputVersion } from './freeze/marks.ts'
import { isOwn, originOf } from './freeze/origin.ts'
import { placeAt } from './freeze/place.ts'
import { isNodes, type Use } from './freeze/uses.ts'
import { attempt } from './guard.ts'
import { isFine } from './impure.ts'
import type { Keyed } from './key.ts'
import type { Memo } from './memo.ts'
import { install, remove } from './patches.ts'
import {
  isBesideContent,
  isRelative,
  nameOf,
  type Read,
  type ReadKind,
  type Recorded,
  versionNow,
} from './recorded.ts'

/** What one call was noticed to use. */
interface Observation {
  readonly memo: Memo
  /** Absolute paths of its input files. */
  readonly declared: ReadonlySet<string>
  /** What its `files()` are called. */
  readonly sets: ReadonlySet<string>
  /** Names of the environment variables that its key has. */
  readonly environment: ReadonlySet<string>
  /** By what makes two uses the same. */
  readonly uses: Map<string, Use>
  /** What it read, as it was before. */
  readonly reads: Map<string, Recorded>
  /** The current directory when it began. */
  readonly directory: string
  /** Whether it opened a file itself, so that a descriptor may be its own. */
  opens: boolean
  /** Why it cannot be said what it read. */
  unseen: string | undefined
}

const observations = new WeakMap<Frame, Observation>()
const { then } = Promise.prototype

/** Run the function; until it is done, notice what it uses, if its options say so. */
export function observed<T>(memo: Memo, keyed: Keyed, frame: Frame, run: () => T): T {
  if (memo.observe === false && !memo.recordsInputs) return run()
  const observation = begin(memo, keyed)
  observations.set(frame, observation)
  const done = (): void => finish(observation)
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

function finish(observation: Observation): void {
  attempt(remove)
  if (observation.memo.observe === 'warn') attempt(() => warnOf(observation))
}

/** What goes on in a call's frame after the function returned is noticed, too, until what this gives is called, once. */
export function observedFurther(frame: Frame): () => void {
  const observation = observations.get(frame)
  if (observation === undefined) return () => {}
  attempt(() => install(notice))
  return () => finish(observation)
}

function begin(memo: Memo, keyed: Keyed): Observation {
  // a folder out of which something is left is not declared as a whole
  const whole = keyed.inputPaths.filter((path) => !/[/\\]$/.test(path))
  const paths = attempt(() => whole.map((path) => resolve(path)))
  const installed = attempt(() => {
    install(notice)
    listenToListings(noticeListing)
    return true
  })
  return {
    memo,
    declared: new Set(paths),
    sets: new Set(keyed.inputPaths),
    environment: new Set(keyed.environment),
    uses: new Map(),
    reads: new Map(),
    directory: process.cwd(),
    opens: false,
    unseen: installed ? whyUnseen(memo, keyed) : 'what it uses cannot be noticed here',
  }
}

/** What the code has a name of its own for is read past us. */
function whyUnseen({ recordsInputs }: Memo, { uses }: Keyed): string | undefined {
  const held = recordsInputs && uses.find((use) => use.held && use.what.startsWith('fs.'))
  return held ? `${held.what} at ${held.where}, by a name of its own, reads what is not seen` : undefined
}

/** What a call read that its key does not cover. */
export const recordedBy = (frame: Frame): readonly Recorded[] => [
  ...(observations.get(frame)?.reads.values() ?? []),
]

/** Whether a call's result is kept for that file or variable, which an inner call depends on. */
export function coverOf(
  { environment, inputPaths }: Keyed,
  recorded: readonly Recorded[],
): (name: string) => boolean {
  const covered = new Set([...inputPaths, ...recorded.map(nameOf)])
  for (const name of environment) covered.add(nameOf({ kind: 'variable', name }))
  let absolute: ReadonlySet<string> | undefined
  return (name) => {
    if (covered.has(name)) return true
    absolute ??= new Set([...covered].map((path) => resolve(path)))
    return absolute.has(resolve(name))
  }
}

/** The calls around this one read what the result that this one is given was computed from, and live no longer. */
export function inherit(
  { inputPaths, inputVersions }: Keyed,
  recorded: readonly Recorded[] = [],
  expiresAt?: number,
): void {
  if (!isInside()) return
  depend([...inputPaths, ...recorded.map(nameOf)], expiresAt)
  if (recorded.length + inputVersions.length === 0) return
  for (const frame of around()) {
    const observation = observations.get(frame)
    if (observation?.memo.recordsInputs !== true) continue
    for (const one of [...recorded, ...inputVersions.flatMap(contentOf)])
      if (!isDeclared(observation, one)) record(observation, one, frame)
  }
}

/** An input file that was declared, as one that was read. */
function contentOf([path, version]: InputVersion): readonly Recorded[] {
  const isContent = version === 'absent' || isDigest(version)
  return isContent ? [{ kind: 'content', name: path, version: version as string }] : []
}

/** Why what a call returned must not be kept: what it used. */
export function whyRefused({ observe, recordsInputs }: Memo, frame: Frame): UncertainError | undefined {
  const observation = observations.get(frame)
  if (observation === undefined) return undefined
  const { unseen, uses } = observation
  if (unseen !== undefined && (recordsInputs || observe === 'refuse')) return new UncertainError(unseen)
  if (observe !== 'refuse' || uses.size === 0) return undefined
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
  // looking where it was used uses files, too
  if (busy) return
  if (/^fs\.(?:promises\.)?open(?:Sync)?$/.test(what)) {
    for (const frame of around()) {
      const observation = observations.get(frame)
      if (observation !== undefined) observation.opens = true
    }
  }
  const path = what.startsWith('fs.') ? readPath(args) : undefined
  if (what.startsWith('fs.') && path === undefined) return
  const use = path === undefined ? what : `${what} ${path}`
  const read = readOf(what, path, args)
  let wanting: (readonly [Observation, Frame])[] | undefined
  for (const frame of around()) {
    const observation = observations.get(frame)
    if (observation === undefined || !isNew(observation, what, read, use)) continue
    wanting ??= []
    wanting.push([observation, frame])
  }
  if (wanting === undefined) return
  busy = true
  try {
    const where = callerOf(standIn)
    if (where === undefined) return
    const told = path === undefined ? what : `${what}(${JSON.stringify(path)})`
    for (const [observation, frame] of wanting) {
      const { memo, uses } = observation
      if (memo.recordsInputs && read !== undefined) {
        if (read === 'unknown') observation.unseen ??= `what ${told} at ${where} reads cannot be recorded`
        else record(observation, { ...read, version: versionNow(read) }, frame)
      } else if (isNodes(original)) uses.set(use, { what: told, where })
      // what a program put in the place of Node's own is in its key
    }
  } finally {
    busy = false
  }
}

/** The files of `files()` are listed by the function itself: those of another set than it was given. */
function noticeListing(set: string): void {
  const what = `files(${JSON.stringify(set)})`
  for (const frame of around()) {
    const observation = observations.get(frame)
    if (observation === undefined || observation.sets.has(set)) continue
    observation.uses.set(what, { what, where: observation.memo.name })
    if (observation.memo.recordsInputs)
      observation.unseen ??= `it lists ${what}, which is not among its arguments`
  }
}

function record(observation: Observation, one: Recorded, frame: Frame): void {
  const { directory, reads } = observation
  const key = `${one.kind} ${one.name}`
  if (!reads.has(key)) reads.set(key, one)
  // another time it begins where it began
  if (isRelative(one) && process.cwd() !== directory)
    observation.unseen ??= `it read ${one.name} in another current directory than it began in`
  // calls around this one depend on it as on an input file
  frame.files.add(nameOf(one))
}

function isNew(
  observation: Observation,
  what: string,
  read: Read | 'unknown' | undefined,
  use: string,
): boolean {
  const { memo, opens, reads, uses } = observation
  if (opens && use.endsWith(DESCRIPTOR)) return false
  if (read !== undefined && read !== 'unknown') {
    if (isDeclared(observation, read)) return false
    if (memo.recordsInputs) return !reads.has(`${read.kind} ${read.name}`)
  } else if (read === 'unknown' && memo.recordsInputs) return observation.unseen === undefined
  if (memo.observe === false || uses.has(use) || isFine(memo.purity, what)) return false
  return !(what.startsWith('process.env.') && uses.has('process.env'))
}

function isDeclared({ declared, environment, memo }: Observation, { kind, name }: Read): boolean {
  if (kind === 'variable') return environment.has(name)
  // all of it, which has no name that could be declared
  if (kind === 'environment') return false
  // what counts of an input file is its content
  if (memo.recordsInputs && isBesideContent(kind)) return false
  return declared.has(resolve(name))
}

/** What is read by a use, if it reads files or the environment; `'unknown'` where nobody can tell. */
function readOf(
  what: string,
  path: string | undefined,
  [, ...rest]: readonly unknown[],
): Read | 'unknown' | undefined {
  if (what === 'process.env') return { kind: 'environment', name: '' }
  if (what.startsWith('process.env.')) return { kind: 'variable', name: what.slice('process.env.'.length) }
  if (path === undefined) return undefined
  const kind = path === DESCRIPTOR ? undefined : READS[what.replace(/^fs\.(?:promises\.)?|Sync$/g, '')]
  if (kind === undefined) return 'unknown'
  const deep = rest.some(
    (one) => typeof one === 'object' && one !== null && 'recursive' in one && one.recursive === true,
  )
  return { kind: kind === 'names' && deep ? 'tree' : kind, name: path }
}

const READS: Readonly<Record<string, ReadKind | undefined>> = {
  readFile: 'content',
  createReadStream: 'content',
  open: 'content',
  openAsBlob: 'content',
  copyFile: 'content',
  readdir: 'names',
  opendir: 'names',
  stat: 'stat',
  lstat: 'lstat',
  access: 'exists',
  exists: 'exists',
  realpath: 'link',
  readlink: 'link',
}

/** In place of the path of a file that was opened before. */
const DESCRIPTOR = 'a descriptor'

/** The path of the file that is read, as it is given; undefined where none is, or one of a package. */
function readPath([given, flags]: readonly unknown[]): string | undefined {
  // one opened for writing only
  if (typeof flags === 'string' && /^[wa]x?s?$/.test(flags)) return undefined
  if (typeof flags === 'number' && (flags & 3) === 1) return undefined
  let path: string
  if (typeof given === 'string') path = given
  else if (given instanceof URL) path = fileURLToPath(given)
  else if (types.isUint8Array(given)) path = Buffer.from(given).toString()
  else return typeof given === 'number' ? DESCRIPTOR : undefined
  return resolve(path).split(sep).includes('node_modules') ? undefined : path
}

/** Node's own code that does what it was asked and no more: what calls it is the user. */
const TRANSPARENT = /^node:internal\/(?:util$|util\/|fs\/streams)/

/** Where the user's code is that led to a call, undefined where none did. */
function callerOf(standIn: Function): string | undefined {
  let inPackage: string | undefined
  let asked: string | undefined
  for (const site of sitesAbove(standIn)) {
    const url = site.getFileName() ?? ''
    // native code, such as that of `map`, and text that was evaluated
    if (url === '' || !/[/:\\]/.test(url)) continue
    if (isOwn(url)) {
      asked = site.getFunctionName() ?? ''
      continue
    }
    // what this package does is nobody's use, but for a version that the user's code asks for
    if (asked !== undefined && !asked.includes(inputVersion.description!)) break
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
