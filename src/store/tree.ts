/**
 * Files named by 32 hex digits, spread over 256 folders: `<root>/<kind>/xxh128/ab/<30 hex>`. A file appears whole, by a
 * rename, or not at all, and is never changed. Knows nothing of what the files hold.
 */
import { join } from 'node:path'
import type { Digest } from '../types.ts'
import { errnoOf, type FileSystem, namesIn, removeFile, syncToDisk, withFile } from './files.ts'

// What a file takes is a multiple of this on nearly every file system.
const BLOCK = 4096

/** The bytes a file of that size takes on disk. */
export const blocksOf = (size: number): number => Math.ceil(size / BLOCK) * BLOCK

/** Whether an error says that there is no file of that name. */
export const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errnoOf(error) ?? '')

export class Tree {
  readonly #fs: FileSystem
  readonly #top: string
  readonly #shards: string

  constructor(fs: FileSystem, top: string) {
    this.#fs = fs
    this.#top = top
    this.#shards = join(top, 'xxh128')
  }

  #shard(file: Digest): string {
    return join(this.#shards, file.slice(0, 2))
  }

  pathOf(file: Digest): string {
    return join(this.#shard(file), file.slice(2))
  }

  /** Gives a file that is whole its place. */
  moveIn(partial: string, file: Digest): void {
    try {
      this.#fs.renameSync(partial, this.pathOf(file))
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      this.#fs.mkdirSync(this.#shard(file), { recursive: true })
      this.#fs.renameSync(partial, this.pathOf(file))
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

  /** What `read` makes of a file; undefined if there is none. */
  protected reading<T>(file: Digest, read: (fd: number) => T): T | undefined {
    try {
      return withFile(this.#fs, this.pathOf(file), 'r', read)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  /** The names of all files, one shard after the other. */
  *list(): Generator<Digest> {
    for (const shard of namesIn(this.#fs, this.#shards)) {
      if (!/^[0-9a-f]{2}$/.test(shard)) continue
      for (const rest of namesIn(this.#fs, join(this.#shards, shard))) {
        if (/^[0-9a-f]{30}$/.test(rest)) yield (shard + rest) as Digest
      }
    }
  }

  /** Makes these files survive power loss, their names included. Those gone meanwhile are nobody's. */
  sync(files: Iterable<Digest>): void {
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
    for (const directory of [...shards, this.#shards, this.#top]) {
      syncToDisk(this.#fs, directory, 'directory')
    }
  }
}
