/**
 * Large results, one immutable file each, under objects/xxh128/. A file appears whole or not at all (written in
 * tmp/, then renamed), is never changed, and is removed only by name. Knows nothing of the index and of who leaves.
 */
import { join } from 'node:path'
import type { Digest, Entry } from '../types.ts'
import type { Digester, Pieces } from './contract.ts'
import { DraftFile } from './draft-file.ts'
import { type FileSystem, readFully, removeIfPossible, withFile, writeFully } from './files.ts'
import {
  decodeHeader,
  encodeHeader,
  headerLength,
  LARGEST_HEADER,
  type ObjectHeader,
  PREFIX,
  payloadSize,
} from './header.ts'
import { type Leaf, objectOf, sizeOfLeaves } from './leaf.ts'
import { openPieces } from './pieces.ts'
import { blocksOf, Tree } from './tree.ts'
import { Slot } from './writer.ts'

export interface StoredObject {
  readonly file: Digest
  /** Bytes on disk, its leaves included, each rounded up to blocks. */
  readonly footprint: number
}

export interface FoundObject extends StoredObject {
  readonly header: ObjectHeader
}

export class ObjectStore extends Tree {
  readonly #fs: FileSystem
  readonly #digest: (bytes: Uint8Array) => Digest
  readonly #tmp: string
  readonly #slot: Slot
  #serial = 0

  constructor(root: string, digest: (bytes: Uint8Array) => Digest, fs: FileSystem) {
    super(fs, join(root, 'objects'))
    this.#fs = fs
    this.#digest = digest
    this.#tmp = join(root, 'tmp')
    this.#slot = new Slot(fs, this.#tmp)
  }

  /** Names this writer in tmp/. */
  get writer(): string {
    return this.#slot.id
  }

  /** Writes an object of its own. When it returns, the object survives the process, not yet the power. */
  put(about: Omit<ObjectHeader, 'serial'>, bytes: Uint8Array): StoredObject {
    const { head, named } = encodeHeader({ ...about, serial: `${this.#slot.id}.${++this.#serial}` })
    const file = this.#digest(named)
    const partial = join(this.#tmp, `${this.#slot.id}.${file}`)
    try {
      this.#slot.announce(file)
      this.#writeWhole(partial, head, bytes)
      this.moveIn(partial, file)
    } catch (error) {
      // where that fails, it stays in tmp/ until this writer is dead and somebody tidies up
      removeIfPossible(this.#fs, partial)
      throw error
    }
    return { file, footprint: footprintOf(head.byteLength + bytes.byteLength, about.leaves) }
  }

  #writeWhole(path: string, head: Uint8Array, bytes: Uint8Array): void {
    withFile(this.#fs, path, 'wx', (fd) => {
      writeFully(this.#fs, fd, head)
      writeFully(this.#fs, fd, bytes)
    })
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
        this.moveIn(partial, file)
        return file
      },
    )
  }

  /**
   * The payload in fresh memory, or undefined if the file is gone, too short or, where it is checked, damaged. Throws if
   * it could not be read at all.
   * @param entry what its row says, and which leaves are beside the payload
   */
  read(file: Digest, entry: Entry, leaves: readonly Leaf[], checked = true): Uint8Array | undefined {
    const size = entry.size - sizeOfLeaves(leaves)
    return this.reading(file, (fd) => {
      const before = this.#fs.fstatSync(fd).size - size
      if (before < PREFIX || before > LARGEST_HEADER) return undefined
      const bytes = Buffer.allocUnsafeSlow(size)
      if (!readFully(this.#fs, fd, bytes, before)) return undefined
      return !checked || objectOf(bytes, leaves, this.#digest) === entry.object ? bytes : undefined
    })
  }

  /** As `read`, for a payload without leaves: checked, by a `digester`, in a reading that holds one piece at a time. */
  pieces(file: Digest, { object, size }: Entry, digester: Digester | undefined): Pieces | undefined {
    return openPieces(this.#fs, this.pathOf(file), object, size, digester)
  }

  /** What a file says about itself, or undefined if it is gone, damaged or cut short. Its payload is not read. */
  inspect(file: Digest): FoundObject | undefined {
    return this.reading(file, (fd) => {
      const prefix = Buffer.alloc(PREFIX)
      if (!readFully(this.#fs, fd, prefix, 0)) return undefined
      const length = headerLength(prefix)
      if (length === undefined) return undefined
      const named = Buffer.allocUnsafeSlow(length)
      if (!readFully(this.#fs, fd, named, PREFIX) || this.#digest(named) !== file) return undefined
      const header = decodeHeader(named)
      const total = this.#fs.fstatSync(fd).size
      if (header === undefined || total !== PREFIX + length + payloadSize(header)) return undefined
      return { file, footprint: footprintOf(total, header.leaves), header }
    })
  }

  close(): void {
    this.#slot.close()
  }
}

const footprintOf = (size: number, leaves: readonly Leaf[] = []): number =>
  leaves.reduce((sum, leaf) => sum + blocksOf(leaf.size), blocksOf(size))
