/**
 * The version of a file: a digest of its content, or that there is none. Reads a file again only if it may have changed.
 *
 * The law is git's: a file is as it was if its device, inode, size, modification and change time (in nanoseconds) are, unless
 * these times are so close to the moment it was read that a later change could have left the same.
 */
import { type BigIntStats, closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Digest } from '../types.ts'
import { inStrength, newDigesterForKey } from './digest.ts'

/** What a path holds: the digest of a file's content, or `'absent'`. */
export type Version = Digest | 'absent'

/** Milliseconds within which two changes may leave the same times: the coarsest clock of a file system is FAT's. */
const SETTLED = 2000

/** Bytes read at a time, whatever the size of a file. */
const CHUNK = 2 ** 20

/** Files remembered; with more than these, all are read again. */
const MOST_FILES = 250_000

interface Known {
  readonly stamp: string
  readonly version: Digest
}
/** By path; a path and a NUL character for digests by SHA-256. */
const known = new Map<string, Known>()

// a program may put another clock in its place, for its tests
const { now } = Date

/**
 * The version of what is at `path` now; of a symbolic link, of what it leads to. Throws what reading throws, and for
 * what is not a file.
 */
export function versionOf(path: string): Version {
  const place = resolve(path)
  const began = now()
  const stats = present(() => statSync(place, { bigint: true }))
  if (stats === undefined) return 'absent'
  // to read a pipe would be to wait for its other end
  if (stats.isDirectory()) throw new TypeError(`${path} is a directory, which files() takes`)
  if (!stats.isFile()) throw new TypeError(`${path} is not a regular file`)
  const name = inStrength() ? `${place}\0` : place
  const before = known.get(name)
  if (before?.stamp === stampOf(stats)) return before.version
  known.delete(name)
  const descriptor = present(() => openSync(place, 'r'))
  if (descriptor === undefined) return 'absent'
  try {
    const opened = fstatSync(descriptor, { bigint: true })
    const { length, version } = digestOf(descriptor)
    const stamp = stampOf(opened)
    // the files of /proc have no size, and times that say nothing; a file that is being written has no version to remember
    const whole = opened.size === length && stampOf(fstatSync(descriptor, { bigint: true })) === stamp
    if (whole && settled(opened, began)) remember(name, { stamp, version })
    return version
  } finally {
    closeSync(descriptor)
  }
}

/** Undefined where there is no such file, nor a folder that it could be in. */
export function present<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

let chunk: Buffer | undefined

function digestOf(descriptor: number): { readonly version: Digest; readonly length: bigint } {
  chunk ??= Buffer.allocUnsafeSlow(CHUNK)
  const hashing = newDigesterForKey()
  let length = 0n
  for (;;) {
    const filled = readSync(descriptor, chunk, 0, CHUNK, null)
    if (filled === 0) return { version: hashing.digest(), length }
    hashing.update(chunk.subarray(0, filled))
    length += BigInt(filled)
  }
}

function settled({ ctimeMs, mtimeMs }: BigIntStats, began: number): boolean {
  return began - Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs) > SETTLED
}

function remember(place: string, one: Known): void {
  if (known.size >= MOST_FILES) known.clear()
  known.set(place, one)
}

const stampOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
