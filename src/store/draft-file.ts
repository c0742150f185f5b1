/**
 * An object that is written before anybody knows what it will be: a file in tmp/ whose header is left blank, and written
 * last, when digest and size are known. Promises to hold no more than it is given at once, no file descriptor between two
 * calls, and to leave nothing behind when it is removed; if its process dies, it is one more leftover in tmp/.
 */
import type { Digest } from '../types.ts'
import type { Digester } from './contract.ts'
import { type FileSystem, removeFile, withFile, writeFully } from './files.ts'
import { encodeHeader, type ObjectHeader } from './header.ts'

// As long as a number gets in JSON.
const LONGEST = -Number.MAX_VALUE

interface Place {
  readonly fs: FileSystem
  readonly path: string
  readonly digester: Digester
}

export class DraftFile {
  readonly #place: Place
  readonly #serial: string
  /** Gives the file the name its header deserves. */
  readonly #moveIn: (path: string, named: Buffer) => Digest
  /** Bytes before the payload. */
  readonly #start: number
  #size = 0

  constructor(place: Place, about: ObjectHeader, moveIn: (path: string, named: Buffer) => Digest) {
    this.#place = place
    this.#serial = about.serial
    this.#moveIn = moveIn
    const numbers = { size: LONGEST, computeTime: LONGEST, createdAt: LONGEST, expiresAt: LONGEST }
    this.#start = encodeHeader({ ...about, ...numbers }).head.byteLength
  }

  /** Bytes of payload so far. */
  get size(): number {
    return this.#size
  }

  append(bytes: Uint8Array): void {
    const { digester, fs, path } = this.#place
    withFile(fs, path, this.#size === 0 ? 'wx' : 'r+', (fd) =>
      writeFully(fs, fd, bytes, this.#start + this.#size),
    )
    digester.update(bytes)
    this.#size += bytes.byteLength
  }

  /** Makes it an object. `about` gets the digest of the payload, and gives the header. */
  finish(about: (object: Digest) => Omit<ObjectHeader, 'serial'>): {
    readonly file: Digest
    readonly bytes: number
  } {
    const { digester, fs, path } = this.#place
    const { head, named } = encodeHeader({ ...about(digester.digest()), serial: this.#serial }, this.#start)
    if (head.byteLength !== this.#start) throw new Error('the header is longer than was thought')
    withFile(fs, path, 'r+', (fd) => writeFully(fs, fd, head, 0))
    return { file: this.#moveIn(path, named), bytes: this.#start + this.#size }
  }

  remove(): void {
    removeFile(this.#place.fs, this.#place.path)
  }
}
