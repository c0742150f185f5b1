/**
 * A directory that is open: its index, its objects, and what keeps them working. A broken index is set aside and
 * built anew, one that somebody deleted or replaced is followed, and all that goes wrong becomes a `StoreError`.
 * Knows nothing of what is asked of the store.
 */
import { performance } from 'node:perf_hooks'
import { StoreError } from '../errors.ts'
import { emit } from '../events.ts'
import type { Budget } from './admission.ts'
import { adoptAll, adoptInFlight, type Rooms, removeDoomed, removeUnnamed, salvage } from './adopt.ts'
import type { StoreOptions } from './contract.ts'
import type { EntryIndex } from './entry-index.ts'
import { storeErrorOf } from './failure.ts'
import type { FileSystem } from './files.ts'
import { type Layout, layoutOf, prepareDirectory, removeStore } from './layout.ts'
import type { Leaf } from './leaf.ts'
import { LeafStore } from './leaf-store.ts'
import { maintaining } from './maintenance.ts'
import { warnOfNetwork } from './mount.ts'
import { ObjectStore } from './object-store.ts'
import { inodeOf, type OpenedIndex, type Opening, openIndex, openReadonly, setAside } from './opening.ts'

// How often, in milliseconds, a put looks whether somebody has replaced the index file.
const LOOK_AGAIN = 1000

export class OpenDirectory {
  /** True also where the directory turned out not to be writable. */
  readonly readonly: boolean
  readonly rooms: Rooms
  readonly #options: StoreOptions
  readonly #fs: FileSystem
  readonly #layout: Layout
  #opened: OpenedIndex
  #lookedAt: number = performance.now()
  #working = true
  #closed = false

  constructor(options: StoreOptions, fs: FileSystem) {
    const { directory, digest, maxSize, maxEntries, policy, clock, onError } = options
    this.#options = options
    this.#fs = fs
    this.#layout = layoutOf(directory)
    const budget: Budget = { maxSize, maxEntries, policy, clock, onError }
    const objects = new ObjectStore(directory, digest, fs)
    const leaves = new LeafStore(directory, digest, fs, objects.writer)
    const index = (): EntryIndex => this.index
    const isCurrent = (): boolean => inodeOf(this.#layout, fs) === this.#opened.inode
    this.rooms = { fs, layout: this.#layout, objects, leaves, budget, digest, index, isCurrent }
    const { opened, writable } = this.#open()
    this.#opened = opened
    this.readonly = !writable
    if (writable) warnOfNetwork(fs, directory)
    this.#settle()
  }

  /** Asked for each time: it may have been replaced. */
  get index(): EntryIndex {
    return this.#opened.index
  }

  get closed(): boolean {
    return this.#closed
  }

  get #opening(): Opening {
    const { digest, durability, onError } = this.#options
    return { digest, fs: this.#fs, layout: this.#layout, synced: durability === 'always', onError }
  }

  #open(): { readonly opened: OpenedIndex; readonly writable: boolean } {
    const { directory, readonly, onError } = this.#options
    let refusal: unknown
    if (prepareDirectory(this.#fs, this.#layout, readonly)) {
      try {
        return { opened: openIndex(this.#opening), writable: true }
      } catch (error) {
        if (storeErrorOf(error, '').code !== 'ERR_STORE_READONLY') throw error
        refusal = error
      }
    }
    if (!readonly) {
      const message = `${directory} cannot be written to; its results are used, new ones are not kept`
      onError(new StoreError('ERR_STORE_READONLY', message, { cause: refusal }))
    }
    return { opened: openReadonly(this.#opening), writable: false }
  }

  /** What earlier processes left undone: rows and objects to carry over or adopt, files to remove. */
  #settle(): void {
    try {
      const { aside } = this.#opened
      if (aside !== undefined) salvage(this.rooms, aside)
      const { ledger } = this.index
      if (!ledger.isWhole()) {
        const objects = adoptAll(this.rooms)
        ledger.setWhole(true)
        const { directory } = this.#options
        if (objects > 0) emit('adopted', () => ({ directory, objects }))
      }
      if (this.readonly) return
      adoptInFlight(this.rooms)
      this.removeDoomed()
    } catch (error) {
      // None of it is needed to work; it is tried again at the next open, and by gc and recover.
      this.survive(error, 'tidying up after earlier processes')
    }
  }

  // what may go wrong -------------------------------------------------------------------------------------------

  /** Does `work`. A broken index is replaced and the work done again; anything else becomes a `StoreError`. */
  guard<T>(doing: string, work: () => T): T {
    if (this.#closed)
      throw new StoreError('ERR_STORE_CLOSED', `${doing}: ${this.#options.directory} is closed`)
    try {
      return work()
    } catch (error) {
      const failure = storeErrorOf(error, doing)
      if (failure.code !== 'ERR_STORE_CORRUPT' || this.readonly) throw failure
      try {
        this.rebuild(failure.message)
        this.survive(failure, doing)
        return work()
      } catch (second) {
        throw storeErrorOf(second, doing)
      }
    }
  }

  expectWritable(doing: string): void {
    if (!this.readonly) return
    throw new StoreError('ERR_STORE_READONLY', `${doing}: ${this.#options.directory} is read-only`)
  }

  /** Tells of a failure that harms nobody. */
  survive(error: unknown, doing: string): void {
    try {
      this.#options.onError(storeErrorOf(error, doing))
    } catch {
      // a listener's failure must not become the call's
    }
  }

  /** Work after the deed is done: its failure is told, but the deed stands. */
  afterwards(doing: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.survive(error, doing)
    }
  }

  /** Unlinks the objects whose rows have gone. */
  removeDoomed(): void {
    removeDoomed(this.rooms, (error) => this.survive(error, 'removing an object'))
  }

  /** Unlinks those of these leaves that no entry names. */
  removeUnnamed(leaves: readonly Leaf[]): void {
    removeUnnamed(
      this.rooms,
      leaves.map(({ file }) => file),
      (error) => this.survive(error, 'removing a leaf'),
    )
  }

  // the index, again --------------------------------------------------------------------------------------------

  /** Sets the index aside, opens a fresh one, and fills it from the sound rows of the old one and the objects. */
  rebuild(because: string): void {
    const { inode } = this.#opened
    this.#closeIndex()
    this.#reopen(setAside(this.#opening, inode, because))
  }

  /** Somebody may have deleted or replaced the index file; writing on into a file without a name would lose results. */
  follow(): void {
    this.#lookedAt = performance.now()
    if (this.readonly) return
    if (this.#working && inodeOf(this.#layout, this.#fs) === this.#opened.inode) return
    this.#closeIndex()
    this.#reopen()
  }

  /** The same, but not more than once a second: a put must stay cheap. */
  followNowAndThen(): void {
    if (!this.#working || performance.now() - this.#lookedAt > LOOK_AGAIN) this.follow()
  }

  #closeIndex(): void {
    this.#working = false
    try {
      this.index.close()
      this.#opened.tidy()
    } catch {
      // it is broken, gone, or both
    }
  }

  #reopen(aside?: string): void {
    this.prepare()
    this.#opened = openIndex(this.#opening, aside)
    this.#working = true
    this.#settle()
  }

  /** Makes what is missing of the directory. */
  prepare(): void {
    prepareDirectory(this.#fs, this.#layout, false)
  }

  // upkeep ------------------------------------------------------------------------------------------------------

  /** Does `work` as the only maintainer of the directory. */
  async maintain<T>(doing: string, work: () => Promise<T>): Promise<T> {
    this.guard(doing, () => {
      this.expectWritable(doing)
      this.prepare()
      this.follow()
    })
    const attempt = (): Promise<T> => maintaining(this.#layout, work)
    try {
      return await attempt()
    } catch (error) {
      const failure = storeErrorOf(error, doing)
      if (failure.code !== 'ERR_STORE_CORRUPT' || this.#closed) throw failure
      try {
        this.rebuild(failure.message)
        this.survive(failure, doing)
        return await attempt()
      } catch (second) {
        throw storeErrorOf(second, doing)
      }
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.afterwards('closing', () => this.rooms.objects.close())
    this.#closeIndex()
    if (this.#options.temporary && !this.readonly) {
      this.afterwards('removing a temporary directory', () => removeStore(this.#fs, this.#layout))
    }
  }
}
