/**
 * Leaves: large memory of results, one file each under leaves/xxh128/ that holds nothing but its bytes and is named by
 * their digest, so that equal leaves are one file. As several entries may share a leaf, leaves appear and vanish only
 * while the index's write lock is held: whoever has it knows which are there. Knows nothing of the index.
 */
import { join } from 'node:path'
import type { Digest } from '../types.ts'
import { errnoOf, type FileSystem, readFully, removeIfPossible, withFile, writeFully } from './files.ts'
import { type Leaf, leafOf } from './leaf.ts'
import { Tree } from './tree.ts'

export class LeafStore extends Tree {
  readonly #fs: FileSystem
  readonly #digest: (bytes: Uint8Array) => Digest
  readonly #tmp: string
  readonly #writer: string
  /** Those in tmp/ that wait for their place. */
  readonly #waiting = new Set<Digest>()

  /** @param writer an id that nobody else has */
  constructor(root: string, digest: (bytes: Uint8Array) => Digest, fs: FileSystem, writer: string) {
    super(fs, join(root, 'leaves'))
    this.#fs = fs
    this.#digest = digest
    this.#tmp = join(root, 'tmp')
    this.#writer = writer
  }

  #partial(file: Digest): string {
    return join(this.#tmp, `${this.#writer}.${file}`)
  }

  leafOf(bytes: Uint8Array): Leaf {
    return leafOf(bytes, this.#digest)
  }

  /** Whether its file is there, and whole as far as its size tells. */
  has({ file, size }: Leaf): boolean {
    return this.ageAndSize(file)?.size === size
  }

  /** Writes a leaf to tmp/, unless it is there or waits there already. */
  write(leaf: Leaf, bytes: Uint8Array): void {
    const { file } = leaf
    if (this.#waiting.has(file) || this.has(leaf)) return
    try {
      withFile(this.#fs, this.#partial(file), 'w', (fd) => writeFully(this.#fs, fd, bytes))
    } catch (error) {
      this.#removePartial(file)
      throw error
    }
    this.#waiting.add(file)
  }

  /** What cannot be removed stays until it is written again, or until this writer is dead and somebody tidies up. */
  #removePartial(file: Digest): void {
    removeIfPossible(this.#fs, this.#partial(file))
  }

  /** Under the write lock: sees to it that a leaf is in its place. False if it has to be written first. */
  place(leaf: Leaf): boolean {
    const { file } = leaf
    if (this.has(leaf)) return true
    if (!this.#waiting.has(file)) return false
    try {
      this.moveIn(this.#partial(file), file)
    } catch (error) {
      // somebody has emptied tmp/
      if (errnoOf(error) !== 'ENOENT') throw error
      this.#waiting.delete(file)
      return false
    }
    this.#waiting.delete(file)
    return true
  }

  /** Removes what still waits in tmp/: somebody else has written it, or nobody wants it any more. */
  giveUp(): void {
    for (const file of this.#waiting) this.#removePartial(file)
    this.#waiting.clear()
  }

  /** Its bytes in memory of their own; undefined if it is gone or, where it is checked, damaged. Throws if it could not be read at all. */
  read({ file, size }: Leaf, checked = true): Uint8Array | undefined {
    return this.reading(file, (fd) => {
      if (this.#fs.fstatSync(fd).size !== size) return undefined
      const bytes = Buffer.allocUnsafeSlow(size)
      if (!readFully(this.#fs, fd, bytes, 0)) return undefined
      return !checked || this.#digest(bytes) === file ? bytes : undefined
    })
  }
}
