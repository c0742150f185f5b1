/**
 * An input file: its path identifies the argument, its content is the version that must match.
 */
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Version, versionOf } from './content.ts'
import { inputVersion } from './marks.ts'

/** A path whose content is part of the call. */
export interface InputFile {
  /** As given to `file()`; relative paths are relative to the current directory. */
  readonly path: string
  /** The path. */
  toString(): string
  /** The file beside it whose path is this path and `suffix`: `file('a.csv').withSuffix('.out')` is `a.csv.out`. */
  withSuffix(suffix: string): InputFile
  /** The file beside it whose name is `prefix` and this name: `file('in/a.csv').withPrefix('old-')` is `in/old-a.csv`. */
  withPrefix(prefix: string): InputFile
  /** Digest of the content now, or `'absent'`. Throws what reading throws, and for what is not a file. */
  [inputVersion](): Version
}

class PathWithContent implements InputFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  toString(): string {
    return this.path
  }

  withSuffix(suffix: string): InputFile {
    return new PathWithContent(this.path + suffix)
  }

  withPrefix(prefix: string): InputFile {
    return new PathWithContent(join(dirname(this.path), prefix + basename(this.path)))
  }

  [inputVersion](): Version {
    return versionOf(this.path)
  }
}

/**
 * An argument (or captured value) that identifies by the content of the file at `path`, a path or a `file:` URL. A file that
 * does not exist is a version of its own; of a symbolic link, what it leads to counts. Directories are for `files()`.
 */
export function file(path: string | URL): InputFile {
  return new PathWithContent(pathFrom(path, 'file()'))
}

/** A path as it was given, of a URL the path it stands for. Throws a `TypeError` that names `taker` for anything else. */
export function pathFrom(path: string | URL, taker: string): string {
  if (path instanceof URL) return fileURLToPath(path)
  if (typeof path !== 'string' || path === '')
    throw new TypeError(`${taker} takes a non-empty path or a file: URL`)
  return path.startsWith('file://') ? fileURLToPath(path) : path
}

/** Whether a value is what `file()` returns. */
export function isInputFile(value: unknown): value is InputFile {
  return value instanceof PathWithContent
}
