/**
 * An input file: its path identifies the argument, its content is the version that must match.
 * A file that does not exist is a version of its own. Unchanged files (same device, inode, size, change and
 * modification time in nanoseconds) are not read again in this process, unless they changed within the last moments,
 * when a second change could leave the same times.
 */
import { type BigIntStats, closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Digest } from '../types.ts'
import { digestBytes, hashBytes } from './digest.ts'
import { inputVersion } from './marks.ts'

/** A path whose content is part of the call. */
export interface InputFile {
  /** As given to `file()`; relative paths are relative to the current directory. */
  readonly path: string
  toString(): string
  /** The file beside it whose path is this path and `suffix`: `file('a.csv').withSuffix('.out')`. */
  withSuffix(suffix: string): InputFile
  /** Digest of the content now, or `'absent'`. Throws what reading throws, for a directory too. */
  [inputVersion](): Digest | 'absent'
}

/** Two writes can share a time stamp when the clock ticks coarsely; a file this young is read again. */
const SETTLED_MS = 2000

const CHUNK = 16 * 2 ** 20

interface Known {
  readonly stamp: string
  readonly digest: Digest
}
const known = new Map<string, Known>()

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

  [inputVersion](): Digest | 'absent' {
    return contentOf(this.path)
  }
}

/** An argument (or captured value) that identifies by the content of the file at `path`, a path or a `file:` URL. */
export function file(path: string | URL): InputFile {
  if (path instanceof URL) return new PathWithContent(fileURLToPath(path))
  if (typeof path !== 'string' || path === '')
    throw new TypeError('file() takes a non-empty path or a file: URL')
  return new PathWithContent(path)
}

/** Whether a value is what `file()` returns. */
export function isInputFile(value: unknown): value is InputFile {
  return value instanceof PathWithContent
}

function contentOf(path: string): Digest | 'absent' {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  if (stats === undefined) return 'absent'
  const stamp = stampOf(stats)
  const place = resolve(path)
  const before = known.get(place)
  if (before?.stamp === stamp) return before.digest
  const digest = stats.size > CHUNK ? digestInChunks(path) : digestBytes(readFileSync(path))
  const youngest = Number(stats.mtimeNs > stats.ctimeNs ? stats.mtimeMs : stats.ctimeMs)
  if (Date.now() - youngest > SETTLED_MS) known.set(place, { stamp, digest })
  else known.delete(place)
  return digest
}

/** Files of any length: the digest of the digests of their chunks. */
function digestInChunks(path: string): Digest {
  const descriptor = openSync(path, 'r')
  try {
    const chunk = Buffer.allocUnsafe(CHUNK)
    const digests: Buffer[] = []
    for (;;) {
      let filled = 0
      while (filled < CHUNK) {
        const read = readSync(descriptor, chunk, filled, CHUNK - filled, null)
        if (read === 0) break
        filled += read
      }
      digests.push(hashBytes(chunk.subarray(0, filled)))
      if (filled < CHUNK) return digestBytes(Buffer.concat(digests))
    }
  } finally {
    closeSync(descriptor)
  }
}

const stampOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
