/**
 * Large results, one immutable file each, under objects/xxh128/. A file appears whole or not at all (written in
 * tmp/, then renamed), is never changed, and is removed only by name. Knows nothing of the index and of who leaves.
 */
import { join } from 'node:path'
import type { Digest } from '../types.ts'
import type { Digester, Pieces } from './contract.ts'
import { DraftFile } from './draft-file.ts'
import {
  errnoOf,
  type FileSystem,
  namesIn,
  readFully,
  removeFile,
  syncToDisk,
  withFile,
  writeFully,
} from './files.ts'
import {
  decodeHeader,
  encodeHeader,
  headerLength,
  LARGEST_HEADER,
  type ObjectHeader,
  PREFIX,
} from './header.ts'
import { openPieces } from './pieces.ts'
import { Slot } from './writer.ts'

// What a file takes is a multiple of this on nearly every file system.
const BLOCK = 4096

export interface StoredObject {
  readonly file: Digest
  /** Bytes on disk, rounded up to blocks. */
  readonly footprint: number
}

export interface FoundObject extends StoredObject {
  readonly header: ObjectHeader
}

export class ObjectStore {
  readonly #fs: FileSystem
  readonly #digest: (bytes: Uint8Array) => Digest
  readonly #root: string
  readonly #objects: string
  readonly #tmp: string
  readonly #slot: Slot
  #serial = 0

  constructor(root: string, digest: (bytes: Uint8Array) => Digest, fs: FileSystem) {
    this.#fs = fs
    this.#digest = digest
    this.#root = root
    this.#objects = join(root, 'objects', 'xxh128')
    this.#tmp = join(root, 'tmp')
    this.#slot = new Slot(fs, this.#tmp)
  }

  #shard(file: Digest): string {
    return join(this.#objects, file.slice(0, 2))
  }

  pathOf(file: Digest): string {
    return join(this.#shard(file), file.slice(2))
  }

  /** Writes an object of its own. When it returns, the object survives the process, not yet the power. */
  put(about: Omit<ObjectHeader, 'serial'>, bytes: Uint8Array): StoredObject {
    const { head, named } = encodeHeader({ ...about, serial: `${this.#slot.id}.${++this.#serial}` })
    const file = this.#digest(named)
    const partial = join(this.#tmp, `${this.#slot.id}.${file}`)
    try {
      this.#slot.announce(file)
      this.#writeWhole(partial, head, bytes)
      this.#moveIn(partial, file)
    } catch (error) {
      try {
        removeFile(this.#fs, partial)
      } catch {
        // it stays in tmp/ until this writer is dead and somebody tidies up
      }
      throw error
    }
    return { file, footprint: blocksOf(head.byteLength + bytes.byteLength) }
  }

  #writeWhole(path: string, head: Uint8Array, bytes: Uint8Array): void {
    withFile(this.#fs, path, 'wx', (fd) => {
      writeFully(this.#fs, fd, head)
      writeFully(this.#fs, fd, bytes)
    })
  }

  #moveIn(partial: string, file: Digest): void {
    try {
      this.#fs.renameSync(partial, this.pathOf(file))
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      this.#fs.mkdirSync(this.#shard(file), { recursive: true })
      this.#fs.renameSync(partial, this.pathOf(file))
    }
  }

  /** An object to be written piece by piece. `about` has what its header will have, but for numbers. */
  begin(about: Omit<ObjectHeader, 'serial'>, digester: Digester): DraftFile {
    const serial = `${this.#slot.id}.${++this.#serial}`
    return new DraftFile(
      { fs: this.#fs, path: join(this.#tmp, `${serial}.draft`), digester },
      { ...about, serial },
      (partial, named) => {
        const file = this.#digest(named)
        this.#slot.announce(file)
        this.#moveIn(partial, file)
        return file
      },
    )
  }

  /** The payload in fresh memory, or undefined if the file is gone or damaged. Throws if it could not be read at all. */
  read(file: Digest, object: Digest, size: number): Uint8Array | undefined {
    try {
      return withFile(this.#fs, this.pathOf(file), 'r', (fd) => {
        const before = this.#fs.fstatSync(fd).size - size
        if (before < PREFIX || before > LARGEST_HEADER) return undefined
        const bytes = Buffer.allocUnsafeSlow(size)
        if (!readFully(this.#fs, fd, bytes, before)) return undefined
        return this.#digest(bytes) === object ? bytes : undefined
      })
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'EISDIR')
        return undefined
      throw error
    }
  }

  /** The payload, checked by a reading that holds one piece at a time. As `read`. */
  pieces(file: Digest, object: Digest, size: number, digester: Digester): Pieces | undefined {
    return openPieces(this.#fs, this.pathOf(file), object, size, digester)
  }

  /** What a file says about itself, or undefined if it is gone, damaged or cut short. Its payload is not read. */
  inspect(file: Digest): FoundObject | undefined {
    try {
      return withFile(this.#fs, this.pathOf(file), 'r', (fd) => {
        const prefix = Buffer.alloc(PREFIX)
        if (!readFully(this.#fs, fd, prefix, 0)) return undefined
        const length = headerLength(prefix)
        if (length === undefined || length > LARGEST_HEADER) return undefined
        const named = Buffer.allocUnsafeSlow(length)
        if (!readFully(this.#fs, fd, named, PREFIX) || this.#digest(named) !== file) return undefined
        const header = decodeHeader(named)
        const total = this.#fs.fstatSync(fd).size
        if (header === undefined || total !== PREFIX + length + header.size) return undefined
        return { file, footprint: blocksOf(total), header }
      })
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'EISDIR')
        return undefined
      throw error
    }
  }

  /** When the file was written, in milliseconds, and its size; undefined if it is gone. */
  ageAndSize(file: Digest): { readonly writtenAt: number; readonly size: number } | undefined {
    const stat = this.#fs.statSync(this.pathOf(file), { throwIfNoEntry: false })
    return stat === undefined ? undefined : { writtenAt: stat.mtimeMs, size: stat.size }
  }

  remove(file: Digest): void {
    removeFile(this.#fs, this.pathOf(file))
  }

  /** The names of all objects, one shard after the other. */
  *list(): Generator<Digest> {
    for (const shard of namesIn(this.#fs, this.#objects)) {
      if (!/^[0-9a-f]{2}$/.test(shard)) continue
      for (const rest of namesIn(this.#fs, join(this.#objects, shard))) {
        if (/^[0-9a-f]{30}$/.test(rest)) yield (shard + rest) as Digest
      }
    }
  }

  /** Makes these objects survive power loss, their names included. Those gone meanwhile are nobody's. */
  sync(files: readonly Digest[]): void {
    const shards = new Set<string>()
    for (const file of files) {
      try {
        syncToDisk(this.#fs, this.pathOf(file), 'file')
        shards.add(this.#shard(file))
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error
      }
    }
    if (shards.size === 0) return
    for (const directory of [...shards, this.#objects, join(this.#root, 'objects')]) {
      syncToDisk(this.#fs, directory, 'directory')
    }
  }

  close(): void {
    this.#slot.close()
  }
}

export const blocksOf = (size: number): number => Math.ceil(size / BLOCK) * BLOCK
