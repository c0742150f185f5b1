/**
 * The store of one directory: rows in the index, large results as object files, small ones in their rows.
 * Promises: what is put survives the process; what is read is what was put, or nothing; a write is object first,
 * row second, and a removal the other way round; a broken index is set aside and rebuilt. Must not know what a
 * value or a function is.
 */
import { dirname } from 'node:path'
import { emit } from '../events.ts'
import type {
  CallKey,
  Digest,
  Entry,
  EvictReport,
  ExportReport,
  FunctionStats,
  GcReport,
  ImportReport,
  RecoverOptions,
  VerifyOptions,
  VerifyReport,
  Watch,
} from '../types.ts'
import type { Budget, Newcomer } from './admission.ts'
import { closestTo } from './closest.ts'
import type {
  Counts,
  Draft,
  Eviction,
  NewEntry,
  Pieces,
  Selection,
  Store,
  Stored,
  StoreOptions,
  WhyDeparted,
} from './contract.ts'
import { Counters } from './counters.ts'
import { Drafts } from './drafts.ts'
import type { EntryIndex } from './entry-index.ts'
import { storeErrorOf } from './failure.ts'
import { type FileSystem, nodeFiles, syncToDisk } from './files.ts'
import { Intake } from './intake.ts'
import { Leases } from './leases.ts'
import type { ObjectStore } from './object-store.ts'
import { OpenDirectory } from './open-directory.ts'
import { Parses } from './parses.ts'
import { Results } from './results.ts'
import { DirectorySurvey } from './survey.ts'
import { Upkeep } from './upkeep.ts'

export type { Lease, NewEntry, Store, StoreOptions } from './contract.ts'

const NO_LEAVES: readonly Uint8Array[] = []
// How long, in milliseconds, writing counters waits for other writers before it leaves them for the next time.
const COUNTING_PATIENCE = 20

const NOTHING: Stored = { bytes: new Uint8Array(), leaves: NO_LEAVES }

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
  readonly leases: Leases
  readonly parses: Parses
  readonly readonly: boolean
  readonly survey: DirectorySurvey
  readonly #options: StoreOptions
  readonly #fs: FileSystem
  readonly #open: OpenDirectory
  readonly #intake: Intake
  readonly #drafts: Drafts
  readonly #upkeep: Upkeep
  readonly #counters: Counters = new Counters(() => this.#writeCounters(COUNTING_PATIENCE))
  readonly #results: Results
  /** Whether entries came or went since the last commit. */
  #isChanged = false

  constructor(options: StoreOptions, fs: FileSystem) {
    this.#options = options
    this.#fs = fs
    this.#open = new OpenDirectory(options, fs)
    this.#results = new Results(this.#open, options)
    this.leases = new Leases(this.#open, options.clock)
    this.survey = new DirectorySurvey(this.#open)
    this.#upkeep = new Upkeep(this.#open, options, this, this.#results)
    this.parses = new Parses(this.#open, options.clock, () => this.#counters.soon())
    this.#intake = new Intake(this.#open, options, (key) => this.#drop(key))
    this.#drafts = new Drafts(this.#open, this.#intake, options, (asked, prepare) =>
      this.#put(asked, prepare, NOTHING),
    )
    this.directory = options.directory
    this.readonly = this.#open.readonly
  }

  get #index(): EntryIndex {
    return this.#open.index
  }

  get #objects(): ObjectStore {
    return this.#open.rooms.objects
  }

  get #budget(): Budget {
    return this.#open.rooms.budget
  }

  // one entry ---------------------------------------------------------------------------------------------------

  find(key: Digest): Entry | undefined {
    return this.#results.find(key)
  }

  read(entry: Entry): Stored | undefined {
    return this.#results.read(entry)
  }

  pieces(entry: Entry): Pieces | undefined {
    return this.#results.pieces(entry)
  }

  has(entry: Entry): boolean {
    return this.#results.has(entry)
  }

  put(asked: NewEntry, bytes: Uint8Array, leaves: readonly Uint8Array[] = []): Entry | undefined {
    const stored = { bytes, leaves }
    return this.#put(asked, () => this.#intake.prepare(asked, stored), stored)
  }

  begin(about: Pick<NewEntry, 'key' | 'codec' | 'async' | 'tags'>): Draft {
    return this.#drafts.begin(about)
  }

  /** Leaves of `stored` are written again if need be. */
  #put(asked: NewEntry, prepare: () => Newcomer | undefined, stored: Stored): Entry | undefined {
    const doing = 'storing a result'
    this.#results.forget(asked.key.digest)
    // Two guards: should the index be rebuilt, the object already written is not written again.
    const newcomer = this.#open.guard(doing, () => {
      if (this.readonly) return undefined
      this.#open.followNowAndThen()
      return prepare()
    })
    if (newcomer === undefined) return undefined
    try {
      this.#isChanged = true
      const admitted = this.#open.guard(doing, () => this.#intake.admit(newcomer, asked, stored))
      if (admitted !== undefined && asked.lease !== undefined) this.leases.over(asked.lease)
      return admitted
    } catch (error) {
      if (newcomer.file !== undefined) this.#intake.discard(newcomer)
      throw error
    }
  }

  drop(key: Digest): boolean {
    return this.#open.guard('forgetting a call', () => {
      this.#open.expectWritable('forgetting a call')
      return this.#drop(key)
    })
  }

  #drop(key: Digest): boolean {
    this.#results.forget(key)
    this.#isChanged = true
    const removed = this.#index.removeFor('forgotten', key)
    if (removed?.file !== undefined)
      this.#open.afterwards('removing an object', () => this.#open.removeDoomed())
    if (removed !== undefined) emit('forgotten', () => ({ key }))
    return removed !== undefined
  }

  // many entries ------------------------------------------------------------------------------------------------

  clear(selection: Selection = {}): number {
    return this.#open.guard('clearing', () => {
      this.#open.expectWritable('clearing')
      this.#results.forgetAll()
      this.#isChanged = true
      if (Object.values(selection).every((limit) => limit === undefined)) this.parses.forget()
      let removed = 0
      for (const some of this.#index.removing(selection, 'forgotten')) removed += some
      if (removed === 0) return 0
      this.#open.afterwards('removing objects', () => this.#open.removeDoomed())
      emit('forgotten', () => ({ ...selection, entries: removed }))
      return removed
    })
  }

  entries(selection: Selection = {}): IterableIterator<Entry> {
    return this.survey.newest(selection)
  }

  versionsOf(name: string): readonly { readonly code: Digest; readonly latest: number }[] {
    return this.#open.guard('listing versions', () =>
      this.#index.versions(name).map(({ code, latest }) => ({ code, latest })),
    )
  }

  closest(key: CallKey): Entry | undefined {
    return this.#open.guard('explaining a miss', () => closestTo(key, this.#index))
  }

  departed(key: Digest): WhyDeparted | undefined {
    return this.#open.guard('explaining a miss', () => this.#index.ledger.departed(key))
  }

  noted(about: Digest): string | undefined {
    return this.#open.guard('explaining a miss', () => this.#index.ledger.noted(about))
  }

  totals(): { readonly entries: number; readonly size: number } {
    return this.survey.sum({})
  }

  // counters ----------------------------------------------------------------------------------------------------

  count(name: string, what: Partial<Counts>, touched?: Digest): void {
    this.#open.guard('counting', () =>
      this.#counters.count(name, what, touched, Math.round(this.#options.clock())),
    )
  }

  usage(): Readonly<Record<string, FunctionStats>> {
    return this.#open.guard('asking for usage', () =>
      Object.fromEntries(this.#counters.addedTo(this.#index.ledger.usage())),
    )
  }

  resetUsage(name?: string): void {
    this.#open.guard('resetting usage', () => {
      this.#open.expectWritable('resetting usage')
      this.#index.ledger.forgetUsage(name)
      this.#counters.forget(name)
    })
  }

  flush(): void {
    this.#open.guard('writing counters', () => this.#flush())
  }

  #flush(): void {
    if (this.readonly) return
    this.#counters.writeTo(this.#index, this.#budget)
    this.parses.writeTo(this.#index)
  }

  /** Writes the counters if no other writer is in the way; otherwise they wait for the next time. */
  #writeCounters(patience: number): void {
    if (this.#open.closed || this.readonly) return
    try {
      this.#open.guard('writing counters', () => {
        this.#open.follow()
        this.#index.waitFor(patience)
        try {
          this.#flush()
        } finally {
          this.#index.waitFor()
        }
      })
    } catch (error) {
      if (storeErrorOf(error, '').code !== 'ERR_STORE_BUSY') this.#open.survive(error, 'writing counters')
    }
  }

  // the whole directory -----------------------------------------------------------------------------------------

  commit(): void {
    this.#open.guard('committing', () => {
      if (this.readonly) return
      this.#open.follow()
      this.#flush()
      const files = [...this.#index.ledger.chores('sync')]
      this.#objects.sync(files)
      this.#open.rooms.leaves.sync(this.#index.leaves.toSync())
      this.#index.sync(files, this.#options.durability === 'always')
      syncToDisk(this.#fs, this.directory, 'directory')
      this.#open.afterwards('flushing the parent directory', () =>
        syncToDisk(this.#fs, dirname(this.directory), 'directory'),
      )
      this.#isChanged = false
    })
  }

  export(path: string, selection?: Selection, watch?: Watch): Promise<ExportReport> {
    return this.#upkeep.export(path, selection, watch)
  }

  import(path: string, watch?: Watch): Promise<ImportReport> {
    return this.#upkeep.import(path, watch)
  }

  gc(watch?: Watch): Promise<GcReport> {
    this.#isChanged = true
    return this.#upkeep.gc(watch)
  }

  evict(eviction: Eviction): Promise<EvictReport> {
    this.#isChanged = true
    return this.#upkeep.evict(eviction)
  }

  verify(options?: VerifyOptions): Promise<VerifyReport> {
    this.#isChanged ||= options?.repair === true
    return this.#upkeep.verify(options)
  }

  recover(options?: RecoverOptions): Promise<{ readonly adopted: number }> {
    this.#isChanged = true
    return this.#upkeep.recover(options)
  }

  close(): void {
    if (this.#open.closed) return
    const { temporary, durability } = this.#options
    if (!temporary && !this.readonly) {
      // waiting for the disk takes longer than a thousand hits
      const isSafe = durability === 'process' || !this.#isChanged
      this.#open.afterwards('closing', () => (isSafe ? this.flush() : this.commit()))
    }
    this.#drafts.close()
    this.#counters.close()
    this.leases.close()
    this.#open.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
