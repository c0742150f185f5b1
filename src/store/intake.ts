/**
 * A result on its way in: its leaves and its object are written if it has any, then it gets its row, and others leave for
 * it. Promises that what does not fit is refused before anything is written, and that what is refused leaves no files.
 */
import { StoreError } from '../errors.ts'
import { emit } from '../events.ts'
import type { CallKey, Digest, Entry } from '../types.ts'
import { type Admission, admit, type Budget, fits, footprintOf, type Newcomer, tellOf } from './admission.ts'
import type { NewEntry, Stored, StoreOptions } from './contract.ts'
import { errnoOf } from './files.ts'
import type { ObjectHeader } from './header.ts'
import { type Leaf, objectOf } from './leaf.ts'
import type { LeafStore } from './leaf-store.ts'
import type { StoredObject } from './object-store.ts'
import type { OpenDirectory } from './open-directory.ts'

// Up to here a result lives in its row: reads of row and file cost the same at about 64 KiB (measured).
const LARGEST_INLINE = 65_536
// Beside leaves, so many bytes are in the row as well as in the object, which a hit then need not open.
const LARGEST_BESIDE_LEAVES = 1024
// Each time, somebody has taken a leaf away between two looks at it.
const ATTEMPTS = 20

export class Intake {
  readonly #open: OpenDirectory
  readonly #options: StoreOptions
  readonly #drop: (key: Digest) => void

  constructor(open: OpenDirectory, options: StoreOptions, drop: (key: Digest) => void) {
    this.#open = open
    this.#options = options
    this.#drop = drop
  }

  get #budget(): Budget {
    return this.#open.rooms.budget
  }

  get #leaves(): LeafStore {
    return this.#open.rooms.leaves
  }

  /** The row to be; its object, if it needs one, is written. Undefined if it can never fit. */
  prepare(asked: NewEntry, stored: Stored): Newcomer | undefined {
    const { bytes, leaves } = stored
    const { key, codec, tags } = asked
    const size = leaves.reduce((sum, leaf) => sum + leaf.byteLength, bytes.byteLength)
    const smallest = footprintOf(size, tags, codec) + (asked.note?.length ?? 0)
    if (!fits(smallest, this.#budget)) return this.#refuse(key, smallest)
    const named = leaves.map((leaf) => this.#leaves.leafOf(leaf))
    const entry = this.entryOf(asked, objectOf(bytes, named, this.#options.digest), size)
    if (leaves.length === 0 && size <= LARGEST_INLINE) {
      return { entry, file: undefined, inline: bytes, footprint: smallest, leavesAt: leavesAt(entry, asked) }
    }
    const about = leaves.length === 0 ? aboutOf(entry) : { ...aboutOf(entry), leaves: named }
    const newcomer = this.withObject(entry, this.#write(named, stored, about), asked)
    const isInRow = leaves.length > 0 && bytes.byteLength <= LARGEST_BESIDE_LEAVES
    return { ...newcomer, inline: isInRow ? bytes : undefined, leaves: about.leaves }
  }

  /** The entry to be. */
  entryOf(asked: NewEntry, object: Digest, size: number): Entry {
    const { async, codec, computeTime, key, tags } = asked
    const createdAt = Math.round(asked.createdAt ?? this.#options.clock())
    return {
      key,
      object,
      size,
      computeTime: Number.isFinite(computeTime) ? computeTime : 0,
      hits: 0,
      createdAt,
      accessedAt: createdAt,
      ...(Number.isFinite(asked.expiresAt) && { expiresAt: Math.round(asked.expiresAt!) }),
      codec,
      async,
      tags,
    }
  }

  /** Leaves first: an object that is there without them is not adopted. */
  #write(named: readonly Leaf[], stored: Stored, about: Omit<ObjectHeader, 'serial'>): StoredObject {
    try {
      this.#writeLeaves(named, stored)
      return this.withDirectories(() => this.#open.rooms.objects.put(about, stored.bytes))
    } catch (error) {
      this.discard({ file: undefined })
      throw error
    }
  }

  /** The row to be of an entry whose object is written. */
  withObject(entry: Entry, { file, footprint }: StoredObject, asked: NewEntry): Newcomer {
    try {
      if (this.#options.durability === 'always') this.#open.rooms.objects.sync([file])
    } catch (error) {
      this.discard({ file })
      throw error
    }
    const charged = footprintOf(footprint, entry.tags, entry.codec) + (asked.note?.length ?? 0)
    return { entry, file, inline: undefined, footprint: charged, leavesAt: leavesAt(entry, asked) }
  }

  /** Whether a result of so many bytes could ever fit; if not, it is refused. */
  hasRoomFor({ codec, key, tags }: Pick<NewEntry, 'codec' | 'key' | 'tags'>, size: number): boolean {
    const footprint = footprintOf(size, tags, codec)
    if (fits(footprint, this.#budget)) return true
    this.#refuse(key, footprint)
    return false
  }

  #writeLeaves(named: readonly Leaf[], { leaves }: Stored): void {
    named.forEach((leaf, place) => {
      this.withDirectories(() => this.#leaves.write(leaf, leaves[place]!))
    })
  }

  /** Somebody may have deleted tmp/: then it is made again. */
  withDirectories<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      this.#open.prepare()
      return work()
    }
  }

  /** Gives it its row. Undefined if it is not let in. */
  admit(newcomer: Newcomer, asked: NewEntry, stored: Stored): Entry | undefined {
    const { entry, file, footprint, leaves } = newcomer
    const admission = fits(footprint, this.#budget) ? this.#admission(newcomer, asked, stored) : undefined
    this.#leaves.giveUp()
    if (admission === undefined || admission.isLate) {
      if (file !== undefined) this.#open.rooms.objects.remove(file)
      if (leaves !== undefined) this.#open.removeUnnamed(leaves)
      return admission === undefined ? this.#refuse(entry.key, footprint) : undefined
    }
    const { departures, leavesFiles } = admission
    if (leaves !== undefined && this.#options.durability === 'always') {
      this.#leaves.sync(leaves.map((leaf) => leaf.file))
    }
    if (departures.length > 0) tellOf(departures)
    if (leavesFiles) this.#open.afterwards('removing what was evicted', () => this.#open.removeDoomed())
    return entry
  }

  #admission(newcomer: Newcomer, asked: NewEntry, stored: Stored): Admission | undefined {
    const { index } = this.#open
    for (let attempt = 1; ; attempt++) {
      const admission = admit(index, newcomer, this.#budget, asked, (leaf) => this.#leaves.place(leaf))
      if (admission?.lacksLeaf !== true) return admission
      if (attempt === ATTEMPTS) throw new StoreError('ERR_STORE_BUSY', 'a leaf is removed again and again')
      this.#writeLeaves(newcomer.leaves!, stored)
    }
  }

  /** A result that does not fit; what it was to replace is outdated all the same. */
  #refuse(key: CallKey, size: number): undefined {
    this.#drop(key.digest)
    emit('tooLarge', () => ({ name: key.name, key: key.digest, size, maxSize: this.#budget.maxSize }))
    return undefined
  }

  /** Removes the files of a row that could not be written; if that fails too, they are orphans. */
  discard({ file, leaves = [] }: Pick<Newcomer, 'file' | 'leaves'>): void {
    this.#leaves.giveUp()
    try {
      const { objects } = this.#open.rooms
      if (file !== undefined && !this.#open.index.namesFile(file)) objects.remove(file)
      this.#open.removeUnnamed(leaves)
    } catch {
      // the first error says more
    }
  }
}

/** When nobody wants it any more. */
const leavesAt = ({ expiresAt }: Entry, { staleFor = 0 }: NewEntry): number | undefined =>
  expiresAt === undefined ? undefined : expiresAt + Math.round(staleFor)

/** What an object file says of its entry: what does not change. */
export function aboutOf({
  hits: _hits,
  accessedAt: _accessedAt,
  ...about
}: Entry): Omit<ObjectHeader, 'serial'> {
  return about
}
