/**
 * The store of one directory: rows in the index, large results as object files, small ones in their rows.
 * Promises: what is put survives the process; what is read is what was put, or nothing; a write is object first,
 * row second, and a removal the other way round; a broken index is set aside and rebuilt. Must not know what a
 * value or a function is.
 */
import { dirname } from 'node:path'
import { performance } from 'node:perf_hooks'
import { type PermafrostError, StoreError } from '../errors.ts'
import { emit } from '../events.ts'
import type {
  CallKey,
  Digest,
  Entry,
  EntryFilter,
  EvictionPolicy,
  FunctionStats,
  GcReport,
  VerifyReport,
} from '../types.ts'
import { admit, type Budget, fits, footprintOf, type Newcomer, scoreOf, tellOf } from './admission.ts'
import { adoptAll, adoptInFlight, type Rooms, removeDoomed, salvage } from './adopt.ts'
import { Counters } from './counters.ts'
import type { Counts, EntryIndex } from './entry-index.ts'
import { storeErrorOf } from './failure.ts'
import { errnoOf, type FileSystem, nodeFiles, syncToDisk } from './files.ts'
import { type Layout, layoutOf, prepareDirectory, removeStore } from './layout.ts'
import { maintaining } from './maintenance.ts'
import { ObjectStore } from './object-store.ts'
import { inodeOf, type OpenedIndex, type Opening, openIndex, openReadonly, setAside } from './opening.ts'
import type { Located } from './row.ts'
import { collect } from './sweep.ts'
import { verifyStore } from './verify.ts'

export interface StoreOptions {
  /** Absolute. */
  readonly directory: string
  readonly readonly: boolean
  /** Remove the directory at close. */
  readonly temporary: boolean
  /** Bytes; Infinity is no limit. */
  readonly maxSize: number
  /** Infinity is no limit. */
  readonly maxEntries: number
  readonly policy: EvictionPolicy
  /** What survives power loss: what the system wrote by itself, all at `commit()` and `close()`, or each put. */
  readonly durability: 'process' | 'commit' | 'always'
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly digest: (bytes: Uint8Array) => Digest
  /** Told of failures that were survived. */
  readonly onError: (error: PermafrostError) => void
}

export interface NewEntry {
  readonly key: CallKey
  readonly computeTime: number
  readonly expiresAt?: number
  readonly codec: string
  readonly async: boolean
  readonly tags: readonly string[]
  /** Code versions of this function to keep; Infinity keeps all. */
  readonly keepVersions: number
}

/** Methods throw nothing but `StoreError`; after `close()` they throw one with `ERR_STORE_CLOSED`. */
export interface Store extends Disposable {
  readonly directory: string
  /** True also where the directory turned out not to be writable. */
  readonly readonly: boolean
  /** The row of a call, expired or not. No side effects. */
  find(key: Digest): Entry | undefined
  /** The bytes, checked, in fresh memory. Undefined if they are gone or damaged; then the entry is dropped. */
  read(entry: Entry): Uint8Array | undefined
  /** Whether `read` would give bytes. No side effects. */
  has(entry: Entry): boolean
  /** Undefined if there is no room for it. */
  put(entry: NewEntry, bytes: Uint8Array): Entry | undefined
  /** `touched` is the entry that was hit. Written in batches. */
  count(name: string, what: Partial<Counts>, touched?: Digest): void
  drop(key: Digest): boolean
  clear(filter?: EntryFilter): number
  entries(filter?: EntryFilter): IterableIterator<Entry>
  /** The code versions of a function that have entries, the one computed last first. */
  versionsOf(name: string): readonly { readonly code: Digest; readonly latest: number }[]
  /** Among the recent entries of the same name, the one most like this call: to explain a miss. */
  closest(key: CallKey): Entry | undefined
  totals(): { readonly entries: number; readonly size: number }
  usage(): Readonly<Record<string, FunctionStats>>
  resetUsage(name?: string): void
  /** Writes what was counted. */
  flush(): void
  /** When it returns, all finished results survive power loss. */
  commit(): void
  gc(options?: { readonly signal?: AbortSignal }): Promise<GcReport>
  verify(options?: { readonly repair?: boolean }): Promise<VerifyReport>
  recover(options?: { readonly dryRun?: boolean }): Promise<{ readonly adopted: number }>
  close(): void
}

// Up to here a result lives in its row: reads of row and file cost the same at about 64 KiB (measured).
const LARGEST_INLINE = 65_536
// How often, in milliseconds, a put looks whether somebody has replaced the index file.
const LOOK_AGAIN = 1000
// How long, in milliseconds, writing counters waits for other writers before it leaves them for the next time.
const COUNTING_PATIENCE = 20
// A miss is explained from so many recent entries of so many versions, so that explaining stays cheap.
const RECENT_ENTRIES = 1000
const RECENT_VERSIONS = 16

/** Opens the store of a directory, making it one if need be. `fs` is for tests that make calls fail. */
export function openStore(options: StoreOptions, fs: FileSystem = nodeFiles): Store {
  try {
    return new DirectoryStore(options, fs)
  } catch (error) {
    if (error instanceof TypeError) throw error
    throw storeErrorOf(error, `opening ${options.directory}`)
  }
}

class DirectoryStore implements Store {
  readonly directory: string
  readonly readonly: boolean
  readonly #options: StoreOptions
  readonly #fs: FileSystem
  readonly #layout: Layout
  readonly #budget: Budget
  readonly #objects: ObjectStore
  readonly #counters: Counters
  readonly #rooms: Rooms
  /** The entry found last, with its bytes: nearly always the next to be read. */
  #last: Located | undefined
  #opened: OpenedIndex
  #lookedAt: number
  #closed = false

  constructor(options: StoreOptions, fs: FileSystem) {
    const { directory, digest, maxSize, maxEntries, policy, clock, onError } = options
    this.directory = directory
    this.#options = options
    this.#fs = fs
    this.#layout = layoutOf(directory)
    this.#budget = { maxSize, maxEntries, policy, clock, onError }
    this.#objects = new ObjectStore(directory, digest, fs)
    this.#counters = new Counters(() => this.#writeCounters(COUNTING_PATIENCE))
    this.#rooms = {
      fs,
      layout: this.#layout,
      objects: this.#objects,
      budget: this.#budget,
      digest,
      index: () => this.#index,
    }
    const { opened, writable } = this.#open()
    this.readonly = !writable
    this.#opened = opened
    this.#lookedAt = performance.now()
    this.#settle()
  }

  get #index(): EntryIndex {
    return this.#opened.index
  }

  get #opening(): Opening {
    const { durability, onError } = this.#options
    return { fs: this.#fs, layout: this.#layout, synced: durability === 'always', onError }
  }

  #open(): { readonly opened: OpenedIndex; readonly writable: boolean } {
    const { readonly, onError } = this.#options
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
      const message = `${this.directory} cannot be written to; its results are used, new ones are not kept`
      onError(new StoreError('ERR_STORE_READONLY', message, { cause: refusal }))
    }
    return { opened: openReadonly(this.#opening), writable: false }
  }

  /** What earlier processes left undone: objects to adopt, files to remove. */
  #settle(): void {
    try {
      const { aside } = this.#opened
      if (aside !== undefined) salvage(this.#rooms, aside)
      if (!this.#index.isWhole()) {
        const adopted = adoptAll(this.#rooms)
        this.#index.setWhole(true)
        if (adopted > 0)
          emit('store', () => ({ what: 'adopted', directory: this.directory, objects: adopted }))
      }
      if (this.readonly) return
      adoptInFlight(this.#rooms)
      this.#removeDoomed()
    } catch (error) {
      // None of it is needed to work; it is tried again at the next open, and by gc and recover.
      this.#survive(error, 'tidying up after earlier processes')
    }
  }

  #survive(error: unknown, doing: string): void {
    try {
      this.#options.onError(storeErrorOf(error, doing))
    } catch {
      // a listener's failure must not become the call's
    }
  }

  /** Does `work`. A broken index is replaced and the work done again; anything else becomes a `StoreError`. */
  #guard<T>(doing: string, work: () => T): T {
    if (this.#closed)
      throw new StoreError('ERR_STORE_CLOSED', `${doing}: the store in ${this.directory} is closed`)
    try {
      return work()
    } catch (error) {
      const failure = storeErrorOf(error, doing)
      if (failure.code !== 'ERR_STORE_CORRUPT' || this.readonly) throw failure
      try {
        this.#rebuild()
        this.#survive(failure, doing)
        return work()
      } catch (second) {
        throw storeErrorOf(second, doing)
      }
    }
  }

  #writable(doing: string): void {
    if (this.readonly) throw new StoreError('ERR_STORE_READONLY', `${doing}: ${this.directory} is read-only`)
  }

  /** Sets the index aside, opens a fresh one, and fills it from the sound rows of the old one and the objects. */
  #rebuild(): void {
    const { inode } = this.#opened
    this.#closeIndex()
    this.#reopen(setAside(this.#opening, inode))
  }

  #closeIndex(): void {
    try {
      this.#index.close()
      this.#opened.tidy()
    } catch {
      // it is broken, gone, or both
    }
  }

  #reopen(aside?: string): void {
    prepareDirectory(this.#fs, this.#layout, false)
    this.#opened = openIndex(this.#opening, aside)
    this.#settle()
  }

  /** Somebody may have deleted or replaced the index file; writing on into a file without a name would lose results. */
  #followIndex(): void {
    this.#lookedAt = performance.now()
    if (this.readonly || inodeOf(this.#layout, this.#fs) === this.#opened.inode) return
    this.#closeIndex()
    this.#reopen()
  }

  #removeDoomed(): void {
    removeDoomed(this.#rooms, (error) => this.#survive(error, 'removing an object'))
  }

  // one entry ---------------------------------------------------------------------------------------------------

  find(key: Digest): Entry | undefined {
    return this.#guard('looking up a call', () => {
      const located = this.#index.find(key)
      return located === undefined || located === 'damaged' ? undefined : this.#handOut(located)
    })
  }

  #handOut(located: Located): Entry {
    this.#last = located
    return located.entry
  }

  read(entry: Entry): Uint8Array | undefined {
    try {
      return this.#guard('reading a result', () => this.#read(entry))
    } catch (error) {
      if (this.#closed) throw error
      // Not lost: it could not be read this time.
      this.#survive(error, 'reading a result')
      return undefined
    }
  }

  #read(entry: Entry): Uint8Array | undefined {
    const known = this.#last?.entry === entry ? this.#last : undefined
    // Inline bytes are handed out once; who reads again gets a copy of their own.
    this.#last = undefined
    let bytes = known && this.#bytesOf(known)
    if (bytes !== undefined) return bytes
    const now = this.#index.find(entry.key.digest)
    if (now === undefined) return this.#lost(entry)
    if (now === 'damaged') {
      if (!this.readonly) this.#index.remove(entry.key.digest)
      return this.#lost(entry)
    }
    // Another process may have computed it again, or has dropped it: then this entry is history.
    if (now.entry.object !== entry.object) return this.#lost(entry)
    bytes = this.#bytesOf(now)
    if (bytes !== undefined) return bytes
    if (!this.readonly && this.#index.removeExactly(now) && now.file !== undefined) this.#removeDoomed()
    return this.#lost(entry)
  }

  #lost(entry: Entry): undefined {
    emit('lost', () => ({ name: entry.key.name, key: entry.key.digest, object: entry.object }))
    return undefined
  }

  /** The bytes if they are what the entry says. */
  readonly #bytesOf = ({ entry, file, inline }: Located): Uint8Array | undefined => {
    if (file !== undefined) return this.#objects.read(file, entry.object, entry.size)
    if (!(inline instanceof Uint8Array) || inline.byteLength !== entry.size) return undefined
    return this.#options.digest(inline) === entry.object ? inline : undefined
  }

  has(entry: Entry): boolean {
    return this.#guard('checking a result', () => {
      const known = this.#last?.entry === entry ? this.#last : undefined
      if (known !== undefined && this.#bytesOf(known) !== undefined) return true
      const now = this.#index.find(entry.key.digest)
      if (now === undefined || now === 'damaged' || now.entry.object !== entry.object) return false
      return this.#bytesOf(now) !== undefined
    })
  }

  put(entry: NewEntry, bytes: Uint8Array): Entry | undefined {
    const doing = 'storing a result'
    // Two guards: should the index be rebuilt, the object already written is not written again.
    const newcomer = this.#guard(doing, () => {
      if (this.readonly) return undefined
      if (performance.now() - this.#lookedAt > LOOK_AGAIN) this.#followIndex()
      return this.#prepare(entry, bytes)
    })
    if (newcomer === undefined) return undefined
    try {
      return this.#guard(doing, () => this.#admit(newcomer, entry.keepVersions))
    } catch (error) {
      if (newcomer.file !== undefined) this.#discard(newcomer.file)
      throw error
    }
  }

  /** The row to be; its object, if it needs one, is written. Undefined if it can never fit. */
  #prepare(entry: NewEntry, bytes: Uint8Array): Newcomer | undefined {
    const { key, computeTime, codec, async, tags } = entry
    const size = bytes.byteLength
    const smallest = footprintOf(size, tags, codec)
    if (!fits(smallest, this.#budget)) return this.#refuse(key, smallest)
    const expiresAt = Number.isFinite(entry.expiresAt) ? Math.round(entry.expiresAt!) : undefined
    const facts = {
      key,
      object: this.#options.digest(bytes),
      size,
      computeTime: Number.isFinite(computeTime) ? computeTime : 0,
      createdAt: Math.round(this.#options.clock()),
      codec,
      async,
      tags,
    }
    if (size <= LARGEST_INLINE) {
      return { ...facts, expiresAt, file: undefined, inline: bytes, footprint: smallest }
    }
    const about = expiresAt === undefined ? facts : { ...facts, expiresAt }
    const stored = this.#withDirectories(() => this.#objects.put(about, bytes))
    const { file } = stored
    try {
      if (this.#options.durability === 'always') this.#objects.sync([file])
    } catch (error) {
      this.#discard(file)
      throw error
    }
    return {
      ...facts,
      expiresAt,
      file,
      inline: undefined,
      footprint: footprintOf(stored.footprint, tags, codec),
    }
  }

  /** Somebody may have deleted tmp/: then it is made again. */
  #withDirectories<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      prepareDirectory(this.#fs, this.#layout, false)
      return work()
    }
  }

  #admit(newcomer: Newcomer, keepVersions: number): Entry | undefined {
    const { file, footprint, key } = newcomer
    const admission = fits(footprint, this.#budget)
      ? admit(this.#index, newcomer, this.#budget, keepVersions)
      : undefined
    if (admission === undefined) {
      if (file !== undefined) this.#objects.remove(file)
      return this.#refuse(key, footprint)
    }
    tellOf(admission.departures)
    if (admission.leavesFiles) this.#afterwards('removing what was evicted', () => this.#removeDoomed())
    return admission.located.entry
  }

  /** A result that does not fit; what it was to replace is outdated all the same. */
  #refuse(key: CallKey, size: number): undefined {
    this.#drop(key.digest)
    emit('tooLarge', () => ({ name: key.name, key: key.digest, size, maxSize: this.#budget.maxSize }))
    return undefined
  }

  /** Removes an object whose row could not be written; if that fails too, it is an orphan to be adopted. */
  #discard(file: Digest): void {
    try {
      if (!this.#index.namesFile(file)) this.#objects.remove(file)
    } catch {
      // the first error says more
    }
  }

  /** Work after the deed is done: its failure is told, but the deed stands. */
  #afterwards(doing: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#survive(error, doing)
    }
  }

  drop(key: Digest): boolean {
    return this.#guard('forgetting a call', () => {
      this.#writable('forgetting a call')
      return this.#drop(key)
    })
  }

  #drop(key: Digest): boolean {
    const removed = this.#index.remove(key)
    if (removed?.file !== undefined) this.#afterwards('removing an object', () => this.#removeDoomed())
    return removed !== undefined
  }

  // many entries ------------------------------------------------------------------------------------------------

  clear(filter: EntryFilter = {}): number {
    return this.#guard('clearing', () => {
      this.#writable('clearing')
      const removed = this.#index.removeMatching(filter)
      if (removed > 0) this.#afterwards('removing objects', () => this.#removeDoomed())
      return removed
    })
  }

  *entries(filter: EntryFilter = {}): Generator<Entry, undefined> {
    const all = this.#guard('listing', () => this.#index.entries(filter))
    for (;;) {
      const next = this.#guard('listing', () => all.next())
      if (next.done) return
      yield next.value.entry
    }
  }

  versionsOf(name: string): readonly { readonly code: Digest; readonly latest: number }[] {
    return this.#guard('listing versions', () =>
      this.#index.versions(name).map(({ code, latest }) => ({ code, latest })),
    )
  }

  closest(key: CallKey): Entry | undefined {
    return this.#guard('explaining a miss', () => {
      let best: Located | undefined
      let bestLikeness = -1
      for (const { id } of this.#index.versions(key.name).slice(0, RECENT_VERSIONS)) {
        for (const located of this.#index.recent(id, RECENT_ENTRIES)) {
          const likeness = likenessOf(located.entry.key, key)
          const newer = best === undefined || located.entry.createdAt > best.entry.createdAt
          if (likeness > bestLikeness || (likeness === bestLikeness && newer)) {
            best = located
            bestLikeness = likeness
          }
        }
      }
      return best?.entry
    })
  }

  totals(): { readonly entries: number; readonly size: number } {
    return this.#guard('asking for totals', () => {
      const { entries, size } = this.#index.totals()
      return { entries, size }
    })
  }

  // counters ----------------------------------------------------------------------------------------------------

  count(name: string, what: Partial<Counts>, touched?: Digest): void {
    this.#guard('counting', () =>
      this.#counters.count(name, what, touched, Math.round(this.#options.clock())),
    )
  }

  usage(): Readonly<Record<string, FunctionStats>> {
    return this.#guard('asking for usage', () => {
      const usage = this.#index.usage()
      for (const [name, pending] of this.#counters.usage) {
        const written = usage.get(name)
        usage.set(name, {
          hits: pending.hits + (written?.hits ?? 0),
          misses: pending.misses + (written?.misses ?? 0),
          timeSaved: pending.timeSaved + (written?.timeSaved ?? 0),
          timeSpent: pending.timeSpent + (written?.timeSpent ?? 0),
          bytes: written?.bytes ?? 0,
        })
      }
      return Object.fromEntries(usage)
    })
  }

  resetUsage(name?: string): void {
    this.#guard('resetting usage', () => {
      this.#writable('resetting usage')
      this.#index.forgetUsage(name)
      this.#counters.forget(name)
    })
  }

  flush(): void {
    this.#guard('writing counters', () => this.#flush())
  }

  #flush(): void {
    const { pending } = this.#counters
    if (pending === undefined || this.readonly) return
    this.#index.write(() => {
      const { inflation } = this.#index.totals()
      for (const [name, counts] of pending.usage) this.#index.addUsage(name, counts)
      for (const [key, { hits, at }] of pending.touched) {
        const located = this.#index.find(key)
        if (located === undefined || located === 'damaged') continue
        const { entry, id } = located
        const accessedAt = Math.max(entry.accessedAt, at)
        const touched = { ...entry, hits: entry.hits + hits, accessedAt }
        this.#index.touch(id, hits, at, scoreOf(touched, inflation, this.#budget))
      }
    })
    this.#counters.done()
  }

  /** Writes the counters if no other writer is in the way; otherwise they wait for the next time. */
  #writeCounters(patience: number): void {
    if (this.#closed || this.readonly) return
    try {
      this.#guard('writing counters', () => {
        this.#followIndex()
        this.#index.waitFor(patience)
        try {
          this.#flush()
        } finally {
          this.#index.waitFor()
        }
      })
    } catch (error) {
      if (storeErrorOf(error, '').code !== 'ERR_STORE_BUSY') this.#survive(error, 'writing counters')
    }
  }

  // the whole directory -----------------------------------------------------------------------------------------

  commit(): void {
    this.#guard('committing', () => {
      if (this.readonly) return
      this.#followIndex()
      this.#flush()
      const files = [...this.#index.chores('sync')]
      this.#objects.sync(files)
      this.#index.sync(files, this.#options.durability === 'always')
      syncToDisk(this.#fs, this.directory, 'directory')
      this.#afterwards('flushing the parent directory', () =>
        syncToDisk(this.#fs, dirname(this.directory), 'directory'),
      )
    })
  }

  async gc({ signal }: { readonly signal?: AbortSignal } = {}): Promise<GcReport> {
    return this.#maintain('collecting garbage', () =>
      collect(this.#rooms, signal, (error) => this.#survive(error, 'collecting garbage')),
    )
  }

  async verify({ repair = false }: { readonly repair?: boolean } = {}): Promise<VerifyReport> {
    const verify = (): Promise<VerifyReport> =>
      verifyStore({ ...this.#rooms, repair, bytesOf: this.#bytesOf, rebuild: () => this.#rebuild() })
    if (repair) return this.#maintain('repairing', verify)
    try {
      this.#guard('verifying', () => this.#followIndex())
      return await verify()
    } catch (error) {
      throw storeErrorOf(error, 'verifying')
    }
  }

  async recover({
    dryRun = false,
  }: {
    readonly dryRun?: boolean
  } = {}): Promise<{ readonly adopted: number }> {
    return this.#maintain('recovering', async () => {
      const adopted = adoptAll(this.#rooms, dryRun)
      if (!dryRun) this.#removeDoomed()
      return { adopted }
    })
  }

  async #maintain<T>(doing: string, work: () => Promise<T>): Promise<T> {
    this.#guard(doing, () => {
      this.#writable(doing)
      prepareDirectory(this.#fs, this.#layout, false)
      this.#followIndex()
    })
    const attempt = (): Promise<T> => maintaining(this.#layout, work)
    try {
      return await attempt()
    } catch (error) {
      const failure = storeErrorOf(error, doing)
      if (failure.code !== 'ERR_STORE_CORRUPT' || this.#closed) throw failure
      try {
        this.#rebuild()
        this.#survive(failure, doing)
        return await attempt()
      } catch (second) {
        throw storeErrorOf(second, doing)
      }
    }
  }

  close(): void {
    if (this.#closed) return
    const { temporary, durability } = this.#options
    if (!temporary && !this.readonly) {
      this.#afterwards('closing', () => (durability === 'process' ? this.flush() : this.commit()))
    }
    this.#closed = true
    this.#counters.close()
    this.#afterwards('closing', () => this.#objects.close())
    this.#closeIndex()
    if (temporary && !this.readonly) {
      this.#afterwards('removing a temporary directory', () => removeStore(this.#fs, this.#layout))
    }
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** Equal arguments count most: a miss is best explained by the same call on another day. */
function likenessOf(a: CallKey, b: CallKey): number {
  return (
    (a.args === b.args ? 8 : 0) +
    (a.code === b.code ? 4 : 0) +
    (a.inputs === b.inputs ? 2 : 0) +
    (a.state === b.state ? 1 : 0)
  )
}
