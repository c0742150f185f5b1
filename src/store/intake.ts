/**
 * A result on its way in: its object is written if it needs one, then it gets its row, and others leave for it.
 * Promises that what does not fit is refused before anything is written, and that what is refused leaves no object.
 */
import { emit } from '../events.ts'
import type { CallKey, Digest, Entry } from '../types.ts'
import { admit, type Budget, fits, footprintOf, type Newcomer, tellOf } from './admission.ts'
import type { NewEntry, StoreOptions } from './contract.ts'
import { errnoOf } from './files.ts'
import type { ObjectHeader } from './header.ts'
import type { StoredObject } from './object-store.ts'
import type { OpenDirectory } from './open-directory.ts'

// Up to here a result lives in its row: reads of row and file cost the same at about 64 KiB (measured).
const LARGEST_INLINE = 65_536

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

  /** The row to be; its object, if it needs one, is written. Undefined if it can never fit. */
  prepare(asked: NewEntry, bytes: Uint8Array): Newcomer | undefined {
    const { key, codec, tags } = asked
    const size = bytes.byteLength
    const noted = asked.note?.length ?? 0
    const smallest = footprintOf(size, tags, codec) + noted
    if (!fits(smallest, this.#budget)) return this.#refuse(key, smallest)
    const entry = this.entryOf(asked, this.#options.digest(bytes), size)
    if (size <= LARGEST_INLINE) {
      return { entry, file: undefined, inline: bytes, footprint: smallest, leavesAt: leavesAt(entry, asked) }
    }
    const stored = this.withDirectories(() => this.#open.rooms.objects.put(aboutOf(entry), bytes))
    return this.withObject(entry, stored, asked)
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

  /** The row to be of an entry whose object is written. */
  withObject(entry: Entry, { file, footprint }: StoredObject, asked: NewEntry): Newcomer {
    try {
      if (this.#options.durability === 'always') this.#open.rooms.objects.sync([file])
    } catch (error) {
      this.discard(file)
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
  admit(newcomer: Newcomer, asked: NewEntry): Entry | undefined {
    const { entry, file, footprint } = newcomer
    const { index } = this.#open
    const admission = fits(footprint, this.#budget) ? admit(index, newcomer, this.#budget, asked) : undefined
    if (admission === undefined || admission.isLate) {
      if (file !== undefined) this.#open.rooms.objects.remove(file)
      return admission === undefined ? this.#refuse(entry.key, footprint) : undefined
    }
    const { departures, leavesFiles } = admission
    if (departures.length > 0) tellOf(departures)
    if (leavesFiles) this.#open.afterwards('removing what was evicted', () => this.#open.removeDoomed())
    return entry
  }

  /** A result that does not fit; what it was to replace is outdated all the same. */
  #refuse(key: CallKey, size: number): undefined {
    this.#drop(key.digest)
    emit('tooLarge', () => ({ name: key.name, key: key.digest, size, maxSize: this.#budget.maxSize }))
    return undefined
  }

  /** Removes an object whose row could not be written; if that fails too, it is an orphan to be adopted. */
  discard(file: Digest): void {
    try {
      if (!this.#open.index.namesFile(file)) this.#open.rooms.objects.remove(file)
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
