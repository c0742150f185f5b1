/**
 * A set of input files: all that patterns match, or that lie under a directory, at the time of the call. The patterns identify
 * the argument; the names and contents of the files are the versions that must match. The one door to the matcher (tinyglobby).
 */
import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isAbsolute, join, relative, resolve } from 'node:path'
import type { Digest } from '../types.ts'
import { present, versionOf } from './content.ts'
import { digestForKey } from './digest.ts'
import { file, type InputFile, pathFrom } from './file.ts'
import { inputVersion } from './marks.ts'

/** Files whose names and contents are part of the call. Iterates over them in the order of `paths`. */
export interface InputFiles extends Iterable<InputFile> {
  /** As given to `files()`. */
  readonly patterns: readonly string[]
  /** The paths of the files there are now, sorted; relative where `cwd`, or without it the pattern, is. Throws what reading directories throws. */
  readonly paths: readonly string[]
  /** The patterns in words. */
  toString(): string
  /** Digest of all names and contents now. Throws what reading throws. */
  [inputVersion](): Digest
}

export interface FilesOptions {
  /**
   * The directory that patterns are relative to, a path or a `file:` URL.
   * @defaultValue the current directory at the time of the call
   */
  readonly cwd?: string | URL
  /** Patterns of what is left out, relative to `cwd`, too. */
  readonly ignore?: string | readonly string[]
}

/** What this package sees of them, too. */
interface FileSet extends InputFiles {
  readonly cwd: string | undefined
  readonly ignore: readonly string[]
  /** What this is called, what counts by its name alone, and the version of each file by its path. */
  versions(): readonly (readonly [path: string, version: string])[]
}

class PatternsWithContent implements FileSet {
  readonly patterns: readonly string[]
  readonly cwd: string | undefined
  readonly ignore: readonly string[]

  constructor(patterns: readonly string[], cwd: string | undefined, ignore: readonly string[]) {
    this.patterns = patterns
    this.cwd = cwd
    this.ignore = ignore
  }

  get paths(): readonly string[] {
    listed(String(this))
    return this.#matches().files
  }

  [Symbol.iterator](): Iterator<InputFile> {
    return this.paths.map((path) => file(path)).values()
  }

  toString(): string {
    const without = this.ignore.length === 0 ? '' : ` but not ${this.ignore.join(', ')}`
    return this.patterns.join(', ') + (this.cwd === undefined ? '' : ` in ${this.cwd}`) + without
  }

  [inputVersion](): Digest {
    listed(String(this))
    return digestForKey(Buffer.from(JSON.stringify(this.versions())))
  }

  versions(): readonly (readonly [path: string, version: string])[] {
    const { files, others } = this.#matches()
    return [
      [String(this), 'files'],
      ...others.map((path) => [path, 'a name'] as const),
      ...files.map((path) => [path, versionOf(path)] as const),
    ]
  }

  #matches(): Matches {
    return matches(this.patterns, this.cwd ?? '', this.ignore)
  }
}

/**
 * An argument (or captured value) that identifies by the names and contents of all files that match: to add, remove, rename or
 * edit one makes another call.
 * @param patterns globs with forward slashes (`'data/*.csv'`; `'!x'` leaves x out), or directories, which stand for all that is under
 * them, hidden and empty folders too; a URL is a directory's
 */
export function files(
  patterns: string | URL | readonly (string | URL)[],
  options: FilesOptions = {},
): InputFiles {
  const list = Array.isArray(patterns) ? patterns : [patterns as string | URL]
  const { cwd, ignore = [], ...unknown } = options
  const [other] = Object.keys(unknown)
  if (other !== undefined) throw new TypeError(`files() has no option "${other}"; known are cwd, ignore`)
  const left = typeof ignore === 'string' ? [ignore] : [...ignore]
  if (list.length === 0 || !left.every((one) => typeof one === 'string' && one !== ''))
    throw new TypeError('files() takes patterns or directories, and as "ignore" patterns')
  return new PatternsWithContent(
    list.map((one) => pathFrom(one, 'files()')),
    cwd === undefined ? undefined : pathFrom(cwd, 'files(), as "cwd",'),
    left,
  )
}

let listed: (set: string) => void = () => {}

/** Tell somebody, from now on, whenever a program asks which files there are, and what the set is called. */
export function listenToListings(listener: typeof listed): void {
  listed = listener
}

/** Whether a value is what `files()` returns. */
export function isInputFiles(value: unknown): value is FileSet {
  return value instanceof PatternsWithContent
}

interface Matches {
  /** Paths of files, sorted. */
  readonly files: readonly string[]
  /**
   * What a program may see the names of: folders in a directory that was given (with a slash at their end where something is
   * left out of them, so that they are not all there is), and links that lead nowhere.
   */
  readonly others: readonly string[]
}

function matches(patterns: readonly string[], cwd: string, ignore: readonly string[]): Matches {
  const { escapePath, globSync } = createRequire(import.meta.url)('tinyglobby') as typeof import('tinyglobby')
  const found = new Set<string>()
  const others = new Set<string>()
  let failure: unknown
  /** The matcher goes on where something cannot be read; a version cannot. */
  const seen = <T>(look: () => T): T => {
    try {
      const looked = present(look)
      if (looked !== undefined) return looked
    } catch (error) {
      failure ??= error
    }
    throw failure ?? new Error('it is gone by now')
  }
  const fs = {
    readdirSync: (path: string, options: { withFileTypes: true }): Dirent[] =>
      seen(() => readdirSync(path, options)),
    realpathSync: (path: string): string => {
      try {
        return realpathSync(path)
      } catch (error) {
        others.add(relative(resolve(cwd), path))
        throw error
      }
    },
    statSync: (path: string) => seen(() => statSync(path)),
  }
  const [negated, positive] = [patterns.filter(isNegated), patterns.filter((one) => !isNegated(one))]
  for (const pattern of positive) {
    const whole = isDirectory(resolve(cwd, pattern))
    // what a directory holds is all of it, whatever characters its name has
    const glob = whole ? `${escapePath(pattern.replace(/(?<=.)[/\\]+$/, ''))}/**` : pattern
    const absolute = isAbsolute(pattern)
    const matched = globSync(glob, {
      cwd: resolve(cwd),
      ignore: [...ignore, ...negated.map((one) => one.slice(1))],
      absolute,
      dot: whole,
      onlyFiles: !whole,
      expandDirectories: false,
      fs: fs as never,
    })
    for (const path of matched) {
      const named = absolute ? path : join(cwd, path)
      if (!path.endsWith('/')) found.add(named)
      else others.add(ignore.length + negated.length === 0 ? named.replace(/[/\\]$/, '') : named)
    }
  }
  if (failure !== undefined) throw failure
  return { files: [...found].sort(), others: [...others].sort() }
}

/** `!x`, but not `!(x|y)`, which is a pattern. */
const isNegated = (pattern: string): boolean => /^!(?!\()/.test(pattern)

const isDirectory = (path: string): boolean => present(() => statSync(path))?.isDirectory() === true
