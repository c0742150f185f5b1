/**
 * The file-system calls this room makes, as one small list, so that tests can make the n-th of them fail.
 * Promises nothing of its own; it must not know what the files are for.
 */
import * as nodeFs from 'node:fs'

/** The subset of `node:fs` the store uses. */
export type FileSystem = Pick<
  typeof nodeFs,
  | 'accessSync'
  | 'closeSync'
  | 'fstatSync'
  | 'fsyncSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readFileSync'
  | 'readSync'
  | 'readdirSync'
  | 'renameSync'
  | 'rmdirSync'
  | 'rmSync'
  | 'statSync'
  | 'statfsSync'
  | 'unlinkSync'
  | 'writeFileSync'
  | 'writeSync'
>

export const nodeFiles: FileSystem = nodeFs

/** `ENOENT` and the like of a file-system error, or undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

/** Removes a file; one that is gone already is as good. */
export function removeFile(fs: FileSystem, path: string): void {
  try {
    fs.unlinkSync(path)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
  }
}

/** The same where something else matters more than whether it can be removed. */
export function removeIfPossible(fs: FileSystem, path: string): void {
  try {
    removeFile(fs, path)
  } catch {
    // it stays
  }
}

/** The names in a directory; one that is not there has none. */
export function namesIn(fs: FileSystem, path: string): string[] {
  try {
    return fs.readdirSync(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return []
    throw error
  }
}

/** Runs `work` with an open file and closes it whatever happens. */
export function withFile<T>(fs: FileSystem, path: string, flags: string, work: (fd: number) => T): T {
  const fd = fs.openSync(path, flags)
  let result: T
  try {
    result = work(fd)
  } catch (error) {
    try {
      fs.closeSync(fd)
    } catch {
      // the first error says more
    }
    throw error
  }
  fs.closeSync(fd)
  return result
}

// One read or write call moves at most 2 GiB on Linux; a larger request returns short.
const CHUNK = 2 ** 30

/** Writes at `position`, or where the last write ended. */
export function writeFully(fs: FileSystem, fd: number, bytes: Uint8Array, position?: number): void {
  for (let at = 0; at < bytes.byteLength; ) {
    const length = Math.min(CHUNK, bytes.byteLength - at)
    at += fs.writeSync(fd, bytes, at, length, position === undefined ? null : position + at)
  }
}

/** Fills `into` from `position` on; false if the file ends before. */
export function readFully(fs: FileSystem, fd: number, into: Uint8Array, position: number): boolean {
  for (let at = 0; at < into.byteLength; ) {
    const count = fs.readSync(fd, into, at, Math.min(CHUNK, into.byteLength - at), position + at)
    if (count === 0) return false
    at += count
  }
  return true
}

/** Makes a file's bytes, or a directory's names, survive power loss. */
export function syncToDisk(fs: FileSystem, path: string, kind: 'file' | 'directory'): void {
  // Windows can neither open nor flush a directory; there the file system's own journal keeps the names.
  if (kind === 'directory' && process.platform === 'win32') return
  withFile(fs, path, kind === 'file' && process.platform === 'win32' ? 'r+' : 'r', (fd) => fs.fsyncSync(fd))
}
