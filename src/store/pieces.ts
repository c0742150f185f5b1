/**
 * A result that is read piece by piece. Promises that what is given is what was stored: all of it is read once, a piece at
 * a time, before the first piece is given, and the file stays open, so that removing its name takes nothing away.
 */
import type { Digest } from '../types.ts'
import type { Digester, Pieces } from './contract.ts'
import type { FileSystem } from './files.ts'
import { LARGEST_HEADER, PREFIX } from './header.ts'
import { isMissing } from './tree.ts'

const PIECE = 65_536

/**
 * The payload of an object file, or undefined if the file is gone or damaged. Throws if it could not be read at all.
 * @param digester to check it by; undefined: it is not checked
 */
export function openPieces(
  fs: FileSystem,
  path: string,
  object: Digest,
  size: number,
  digester: Digester | undefined,
): Pieces | undefined {
  let fd: number
  try {
    fd = fs.openSync(path, 'r')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  let isOpen = true
  const close = (): void => {
    if (!isOpen) return
    isOpen = false
    fs.closeSync(fd)
  }
  try {
    const start = fs.fstatSync(fd).size - size
    const read = (into: Uint8Array, from: number): number =>
      fs.readSync(fd, into, 0, Math.min(into.byteLength, size - from), start + from)
    const isThere = start >= PREFIX && start <= LARGEST_HEADER
    if (isThere && (digester === undefined || digestOf(read, size, digester) === object))
      return { size, read, close }
    close()
    return undefined
  } catch (error) {
    close()
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Undefined if there are not so many bytes. */
function digestOf(
  read: (into: Uint8Array, from: number) => number,
  size: number,
  digester: Digester,
): Digest | undefined {
  const piece = Buffer.allocUnsafe(PIECE)
  for (let at = 0; at < size; ) {
    const count = read(piece, at)
    if (count === 0) return undefined
    digester.update(piece.subarray(0, count))
    at += count
  }
  return digester.digest()
}

/** Bytes in memory as pieces. */
export const inMemory = (bytes: Uint8Array): Pieces => ({
  size: bytes.byteLength,
  read: (into, start) => {
    const part = bytes.subarray(start, start + into.byteLength)
    into.set(part)
    return part.byteLength
  },
  close: () => undefined,
})
