/**
 * Which leaves the entries of the index name, and so which nobody does. Each method answers one question or does one
 * deed; what a hit reads is in the header of its object, this is for those who remove. Knows no files.
 */
import type { Digest } from '../types.ts'
import { unsound } from './failure.ts'
import type { Leaf } from './leaf.ts'
import { paged } from './paged.ts'
import { blobOf, hexOf } from './row.ts'
import type { Ask } from './schema.ts'

interface LeafRow {
  readonly file: Buffer
  readonly size: number
}

const SLICE = 500

function leafOf({ file, size }: LeafRow): Leaf {
  // SQLite stores any type in any column.
  if (!Buffer.isBuffer(file) || typeof size !== 'number') throw unsound('a leaf without a name')
  return { file: hexOf(file), size }
}

export class LeafTable {
  readonly #ask: Ask

  constructor(ask: Ask) {
    this.#ask = ask
  }

  /** Within the transaction that adds the entry: its leaves, none of which is to be removed now. */
  name(entry: number, leaves: readonly Leaf[]): void {
    this.#ask('unnameLeaves').run(entry)
    leaves.forEach(({ file, size }, place) => {
      this.#ask('nameLeaf').run(entry, place, blobOf(file), size)
      this.#ask('choreIsDone').run(blobOf(file), 'leaf')
    })
  }

  isNamed(file: Digest): boolean {
    return this.#ask('whoNamesLeaf').get(blobOf(file)) !== undefined
  }

  /** Those of the entry with this object file. */
  of(object: Digest): Leaf[] {
    return (this.#ask('whichLeavesHas').all(blobOf(object)) as LeafRow[]).map(leafOf)
  }

  /** Each leaf that is named, once. */
  *all(): Generator<Leaf> {
    const page = (after: Buffer) => this.#ask('whichLeavesFollow').all(after, SLICE) as LeafRow[]
    for (const row of paged(Buffer.alloc(0), page, ({ file }) => file)) yield leafOf(row)
  }

  /** Those of the objects that are to be flushed. */
  toSync(): Digest[] {
    return (this.#ask('whichLeavesToSync').all() as LeafRow[]).map(({ file }) => hexOf(file))
  }

  /** Whether there are leaves of entries that are not there. */
  hasStrays(): boolean {
    return this.#ask('whichLeavesAreStray').get() !== undefined
  }

  removeStrays(): void {
    this.#ask('removeStrayLeaves').run()
  }

  /** Removes the entries that name a leaf. Gives the keys of their calls. */
  removeEntries(file: Digest): Digest[] {
    return (this.#ask('removeByLeaf').all(blobOf(file)) as { key: Buffer }[]).map(({ key }) => hexOf(key))
  }
}
