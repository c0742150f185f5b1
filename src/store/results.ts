/**
 * Results on their way out: found in the index, read from row or files, checked, and kept in memory for the next time.
 * Promises that what is read is what was put, each time in fresh memory, or nothing; what is damaged is dropped.
 */
import { emit } from '../events.ts'
import type { Digest, Entry } from '../types.ts'
import type { Pieces, Stored, StoreOptions } from './contract.ts'
import type { EntryIndex } from './entry-index.ts'
import type { OpenDirectory } from './open-directory.ts'
import { type Checks, isSound, piecesOf, removeDamaged, storedOf } from './result.ts'
import type { Found } from './row.ts'
import { Warm } from './warm.ts'

/** What is wanted of an entry; undefined if that is gone or damaged. */
type Give<T> = (found: Found) => T | undefined

const NO_LEAVES: readonly Uint8Array[] = []

export class Results {
  readonly #open: OpenDirectory
  readonly #options: StoreOptions
  /** Undefined if nothing is to be kept in memory. */
  readonly #warm: Warm | undefined
  /** The entry found last, with its bytes: nearly always the next to be read. */
  #last: Found | undefined
  /** When it was found, as `#warm` counts. */
  #lastEra = 0

  constructor(open: OpenDirectory, options: StoreOptions) {
    this.#open = open
    this.#options = options
    const { memory = 0 } = options
    this.#warm = memory > 0 ? new Warm(memory, () => this.#index) : undefined
  }

  get #index(): EntryIndex {
    return this.#open.index
  }

  find(key: Digest): Entry | undefined {
    return this.#open.guard('looking up a call', () => {
      const warm = this.#warm?.find(key)
      if (warm !== undefined) return warm
      const found = this.#index.find(key)
      return found === undefined || found === 'damaged' ? undefined : this.#handOut(found)
    })
  }

  #handOut(found: Found): Entry {
    this.#last = found
    this.#lastEra = this.#warm?.era ?? 0
    return found.entry
  }

  /** What was found of the entry that was handed out last. */
  #known(entry: Entry): Found | undefined {
    return this.#last?.entry === entry ? this.#last : undefined
  }

  read(entry: Entry): Stored | undefined {
    const known = this.#known(entry)
    this.#last = undefined
    const warm = this.#open.closed ? undefined : this.#warm?.read(entry, known && this.#lastEra)
    if (warm !== undefined) return warm
    // Inline bytes are handed out once; who reads again gets a copy of their own.
    if (known?.file === undefined && known?.inline !== undefined && !this.#open.closed) {
      return this.#warmed(known, { bytes: known.inline, leaves: NO_LEAVES }, this.#lastEra)
    }
    return this.#reading(entry, known, (found) => {
      const era = found === known ? this.#lastEra : (this.#warm?.era ?? 0)
      const stored = storedOf(this.#open.rooms, found, this.#options.checkUpTo)
      return stored && this.#warmed(found, stored, era)
    })
  }

  /** As `read`, but from the disk, checked however large it is, and not kept in memory: for who passes it on. */
  readOnce(entry: Entry): Stored | undefined {
    return this.#reading(entry, undefined, (found) => storedOf(this.#open.rooms, found))
  }

  #warmed({ entry }: Found, stored: Stored, era: number): Stored {
    this.#warm?.hold(entry, stored, era)
    return stored
  }

  pieces(entry: Entry): Pieces | undefined {
    const known = this.#known(entry)
    return this.#reading(entry, known, (found) => piecesOf(this.#checks, found))
  }

  get #checks(): Checks {
    const { checkUpTo, newDigester } = this.#options
    return { rooms: this.#open.rooms, checkUpTo, newDigester }
  }

  /** What `give` gives of what the entry names. */
  #reading<T>(entry: Entry, known: Found | undefined, give: Give<T>): T | undefined {
    try {
      return this.#open.guard('reading a result', () => this.#read(entry, known, give))
    } catch (error) {
      if (this.#open.closed) throw error
      // Not lost: it could not be read this time.
      this.#open.survive(error, 'reading a result')
      return undefined
    }
  }

  #read<T>(entry: Entry, known: Found | undefined, give: Give<T>): T | undefined {
    let given = known && give(known)
    if (given !== undefined) return given
    const now = this.#index.find(entry.key.digest)
    if (now === undefined) return this.#lost(entry)
    if (now === 'damaged') {
      if (!this.#open.readonly) this.#index.removeFor('lost', entry.key.digest)
      return this.#lost(entry)
    }
    // Another process may have computed it again, or has dropped it: then this entry is history.
    if (now.entry.object !== entry.object) return this.#lost(entry)
    given = give(now)
    if (given !== undefined) return given
    if (!this.#open.readonly) this.#forgetLost(now)
    return this.#lost(entry)
  }

  #forgetLost(found: Found): void {
    removeDamaged(this.#open.rooms, found.leaves)
    if (this.#index.removeExactly(found) && found.file !== undefined) this.#open.removeDoomed()
  }

  #lost(entry: Entry): undefined {
    emit('lost', () => ({ name: entry.key.name, key: entry.key.digest, object: entry.object }))
    return undefined
  }

  has(entry: Entry): boolean {
    return this.#open.guard('checking a result', () => {
      if (this.#warm?.has(entry) === true) return true
      const known = this.#known(entry)
      if (known !== undefined && isSound(this.#checks, known)) return true
      const now = this.#index.find(entry.key.digest)
      if (now === undefined || now === 'damaged' || now.entry.object !== entry.object) return false
      return isSound(this.#checks, now)
    })
  }

  /** The entry of a call is dropped or replaced. */
  forget(key: Digest): void {
    if (this.#last?.entry.key.digest === key) this.#last = undefined
    this.#warm?.forget(key)
  }

  forgetAll(): void {
    this.#last = undefined
    this.#warm?.clear()
  }
}
