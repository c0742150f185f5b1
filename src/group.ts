/**
 * A group of functions that share a directory, a budget, a policy and a codec. Opens the store and closes it; the
 * calls themselves are in call.ts.
 *
 * Opening throws for misuse (a wrong option, a directory that is somebody else's or of a newer format). A directory that
 * merely cannot be used right now costs one warning, and the functions run uncached.
 */
import { resolve } from 'node:path'
import { checkCompression } from './codec/codec.ts'
import { defaultDirectory } from './default-directory.ts'
import { type ConfigurationError, type PermafrostError, StoreError } from './errors.ts'
import { emit, warn, warnOnce } from './events.ts'
import { DEPARTED } from './explain.ts'
import { digestBytes, newDigester } from './freeze/digest.ts'
import { type GroupOptions, groupChecks, groupDefaults } from './group-options.ts'
import type { Flight } from './keep.ts'
import type { Counted, SharedRoom } from './memo.ts'
import { type Memoize, memoizeFor, memoOfWrapper, registerRoom } from './memoize.ts'
import { leaseTerms } from './memoize-options.ts'
import { closed, opened } from './open-groups.ts'
import { bytes, checkOptions, isSwitchedOn, milliseconds } from './options.ts'
import { argumentsOf, previewOf } from './preview.ts'
import { reportText, thrashingText } from './report.ts'
import { openRun, type RunLog } from './run-log.ts'
import { outdate, type Running } from './running.ts'
import { checkEviction, checkListing, checkPrefix, selectionOf } from './selection.ts'
import { type PullReport, pull } from './share.ts'
import type { PushReport } from './shared/tier.ts'
import { sharedRoom } from './shared-room.ts'
import type { Counts } from './store/contract.ts'
import { addUnder, type Sum, sumOf } from './store/counts.ts'
import { policies } from './store/policy.ts'
import { openStore, type Store } from './store/store.ts'
import type {
  AnyFunction,
  Departed,
  Digest,
  Entry,
  EntryFilter,
  EvictOptions,
  EvictReport,
  ExportReport,
  GcReport,
  GroupStats,
  ImportReport,
  Listing,
  Preview,
  RecoverOptions,
  Space,
  VerifyOptions,
  VerifyReport,
  Watch,
} from './types.ts'

export { factsOf } from './store/facts.ts'

/** Milliseconds that a function may cost more than it saves, and will save when it is called like that again, before somebody is told. */
const WORTH_A_WARNING = 2000
const MOST_FOUND = 20

/** Failures of opening that are not the caller's mistake. */
const SURVIVABLE: ReadonlySet<string> = new Set([
  'ERR_STORE_BUSY',
  'ERR_STORE_CORRUPT',
  'ERR_STORE_IO',
  'ERR_STORE_READONLY',
])

export class MemoizedGroup implements Disposable, AsyncDisposable {
  /** Absolute. */
  readonly directory: string
  /** `memoize` for this group; needs no `this`. */
  readonly memoize: Memoize
  readonly #onError: ((error: PermafrostError) => void) | undefined
  readonly #clock: () => number
  #store: Store | undefined
  readonly #shared: SharedRoom | undefined
  readonly #run: RunLog | undefined
  readonly #runs = { flights: new Map<Digest, Flight>(), running: new Set<Running>() }
  /** Functions that cost more than they save. */
  readonly #warned = new Set<string>()
  /** What this process counted, beside what the directory counts for all. */
  readonly #counted = new Map<string, Sum>()

  /** Throws a `TypeError` for a wrong option, a `StoreError` for a directory that is foreign or of a newer format. */
  constructor(options: GroupOptions = {}) {
    checkOptions(options, groupChecks, 'new MemoizedGroup')
    checkCompression(options.compress ?? false, 'new MemoizedGroup')
    const { clock = Date.now, memory = groupDefaults.memory, policy = groupDefaults.policy } = options
    this.#onError = options.onError
    this.#clock = clock
    this.directory = resolve(options.directory ?? defaultDirectory(options.scope))
    this.#store = this.#open({
      directory: this.directory,
      readonly: options.readonly ?? groupDefaults.readonly,
      temporary: options.temporary ?? false,
      maxSize: bytes(options.maxSize ?? groupDefaults.maxSize, 'maxSize'),
      maxEntries: options.maxEntries ?? Number.POSITIVE_INFINITY,
      memory: memory === false ? 0 : bytes(memory, 'memory'),
      ...(options.checkUpTo !== undefined && { checkUpTo: bytes(options.checkUpTo, 'checkUpTo') }),
      policy: typeof policy === 'string' ? policies[policy] : policy,
      durability: options.durability ?? groupDefaults.durability,
      clock,
      digest: digestBytes,
      newDigester,
      onError: (error) => this.#report(error, this.directory),
    })
    const report = (error: PermafrostError, subject: string) => this.#report(error, subject)
    if (this.#store?.readonly === false)
      this.#run = openRun(this.directory, options, (error) => report(error, this.directory))
    this.#shared = sharedRoom(options, clock, report, this.#run?.id)
    registerRoom(this, {
      store: () => this.#store,
      clock,
      ...this.#runs,
      revalidating: new Set<Digest>(),
      run: this.#run,
      shared: this.#shared,
      pipelineId: options.pipelineId,
      resultsOnly: options.resultsOnly ?? groupDefaults.resultsOnly,
      report,
      count: (name, what, touched) => {
        this.#count(name, what)
        this.#store?.count(name, what, touched)
      },
      state: options.state,
      ttl: options.ttl === undefined ? undefined : milliseconds(options.ttl, 'ttl'),
      codec: options.codec ?? groupDefaults.codec,
      compress: options.compress ?? groupDefaults.compress,
      packages: options.packages ?? groupDefaults.packages,
      keyOrder: options.keyOrder ?? groupDefaults.keyOrder,
      lease: leaseTerms(options.lease),
      observe: options.observe ?? groupDefaults.observe,
    })
    this.memoize = memoizeFor(() => this)
    if (this.#store !== undefined) opened(this, { end: () => this.#end(), parses: this.#store.parses })
  }

  #open(options: Parameters<typeof openStore>[0]): Store | undefined {
    const { obstacle } = this
    if (obstacle !== undefined) {
      this.#report(obstacle, 'configuration')
      return undefined
    }
    try {
      return openStore(options)
    } catch (error) {
      if (!(error instanceof StoreError) || !(this.survivesMisuse || SURVIVABLE.has(error.code))) throw error
      this.#report(error, this.directory)
      return undefined
    }
  }

  /** Whether a directory that is somebody else's is a warning, not an error. */
  protected get survivesMisuse(): boolean {
    return false
  }

  /** Why nobody knows which directory to open, or how. */
  protected get obstacle(): ConfigurationError | undefined {
    return undefined
  }

  #report(error: PermafrostError, subject: string): void {
    if (this.#onError === undefined) return warnOnce(error, subject)
    try {
      this.#onError(error)
    } catch {
      // a listener's failure must not become the call's
      warnOnce(error, subject)
    }
  }

  #count(name: string, what: Counted): void {
    const counted = addUnder(this.#counted, name, what)
    if (counted.overhead > counted.timeSaved + counted.timeSpent + WORTH_A_WARNING && !this.#warned.has(name))
      this.#thrashing(name, counted)
  }

  /** Tells once that a function costs more than it saves. */
  #thrashing(name: string, counted: Counts): void {
    const message = thrashingText(name, counted)
    emit('thrashing', () => ({ name, ...counted }))
    warn('WARN_THRASHING', name, message)
    this.#warned.add(name)
  }

  #opened(): Store {
    if (this.#store === undefined)
      throw new StoreError('ERR_STORE_CLOSED', `the group in ${this.directory} is not open`)
    return this.#store
  }

  /** What is kept, most recent first if nothing else is asked for. Throws `StoreError`. */
  entries(listing: Listing = {}): IterableIterator<Entry> {
    checkListing(listing)
    const { limit, reverse, sort, ...filter } = listing
    const selection = selectionOf(filter, this.#clock(), 'entries')
    const { survey } = this.#opened()
    // the order in which they came needs none but those that are taken
    if (sort === undefined && reverse !== true) return survey.newest(selection, limit)
    return survey.sorted(selection, { limit, reverse, sort })
  }

  /** How many entries a filter means, and their bytes. Throws `StoreError`. */
  sum(filter: EntryFilter = {}): { readonly entries: number; readonly size: number } {
    return this.#opened().survey.sum(selectionOf(filter, this.#clock(), 'sum'))
  }

  /** The entries of calls whose digests begin so, 20 at most. Throws `StoreError`. */
  find(prefix: string): readonly Entry[] {
    checkPrefix(prefix, 'find')
    return this.#opened().survey.startingWith(prefix, MOST_FOUND)
  }

  /** Calls whose digests begin so and whose entries left lately, the last one first. Throws `StoreError`. */
  departed(prefix: string): readonly Departed[] {
    checkPrefix(prefix, 'departed')
    const departed = this.#opened().survey.departedLike(prefix)
    return departed.map(({ key, why }) => ({ key, why, explanation: DEPARTED[why] }))
  }

  /** The arguments of an entry's call in words, where they were noted: for calls of a millisecond and more. Throws `StoreError`. */
  argumentsOf(entry: Entry): string | undefined {
    return argumentsOf(this.#opened(), entry)
  }

  /** What is kept for an entry, as far as a built-in codec can read it. Runs no code but of classes registered here. */
  preview(entry: Entry): Preview {
    return previewOf(this.#opened(), entry)
  }

  /** What takes how much room. Throws `StoreError`. */
  space(): Space {
    return this.#opened().survey.space()
  }

  /** Counted over all processes since the last `resetStats()`, and what is kept now. Throws `StoreError`. */
  stats(): GroupStats {
    const store = this.#opened()
    const functions = store.usage()
    const all = Object.values(functions)
    const bytes = all.reduce((sum, stats) => sum + stats.bytes, 0)
    return { ...all.reduce<Counts>(sumOf, sumOf()), bytes, ...store.totals(), functions }
  }

  /** Throws `StoreError`. */
  resetStats(): void {
    this.#opened().resetUsage()
  }

  /** A table for people: hits, misses and time saved of each function in this run, and over all runs. */
  report(): string {
    const all = this.#store === undefined ? undefined : this.stats()
    return reportText(this.directory, this.#counted, all)
  }

  /**
   * Synchronous: when it returns, all finished results survive a power cut. With `remote`, those that are on their way to the blob store are waited
   * for, too. Throws `StoreError`.
   */
  commit(): void
  commit(options: { readonly remote: true }): Promise<PushReport>
  commit(options?: { readonly remote: true }): unknown {
    this.#opened().commit()
    return options?.remote === true ? this.push() : undefined
  }

  /** Waits until what was computed is in the blob store, as far as that answers. Never rejects; throws an `Error` without a blob store. */
  push(): Promise<PushReport> {
    return this.#sharing('push').tier.push()
  }

  /**
   * Gets results of a function from the blob store into the directory, where synchronous calls find them. Computes nothing. Throws as `f.key`
   * does, and an `Error` without a blob store.
   * @param calls the arguments of each call
   */
  pull<F extends AnyFunction>(f: F, calls: Iterable<Parameters<F>>): Promise<PullReport> {
    this.#sharing('pull')
    return pull(memoOfWrapper(f, 'pull'), [...calls])
  }

  #sharing(where: string): SharedRoom {
    if (this.#shared === undefined) throw new Error(`${where}: the group has no blobStore`)
    return this.#shared
  }

  /** Write results to one file, which appears whole or not at all, to be imported elsewhere. Rejects with the signal's reason. */
  async export(file: string, filter: EntryFilter = {}, watch?: Watch): Promise<ExportReport> {
    const selection = selectionOf(filter, this.#clock(), 'export')
    return this.#opened().export(resolve(file), selection, watch)
  }

  /** Keep the results of an exported file, except of calls that have one. */
  async import(file: string, watch?: Watch): Promise<ImportReport> {
    return this.#opened().import(resolve(file), watch)
  }

  /** Remove what expired, what is over the limits, and what crashes left behind. */
  async gc(watch?: Watch): Promise<GcReport> {
    return this.#opened().gc(watch)
  }

  /** Make results leave, the lowest scores first, until limits hold that are not the group's; or all that fit a filter. */
  async evict(options: EvictOptions): Promise<EvictReport> {
    checkEviction(options)
    const { filter, maxEntries = Number.POSITIVE_INFINITY, maxSize, ...watch } = options
    return this.#opened().evict({
      ...watch,
      maxEntries,
      maxSize: maxSize === undefined ? Number.POSITIVE_INFINITY : bytes(maxSize, 'maxSize'),
      ...(filter !== undefined && { selection: selectionOf(filter, this.#clock(), 'evict') }),
    })
  }

  /** Check every row and every object; `repair` what can be repaired. */
  async verify(options?: VerifyOptions): Promise<VerifyReport> {
    return this.#opened().verify(options)
  }

  /** Adopt objects that no row names: after a crash, or when the index was lost. */
  async recover(options?: RecoverOptions): Promise<{ readonly adopted: number }> {
    return this.#opened().recover(options)
  }

  /** Forget all results, or those that fit a filter, and what is being computed of them now. How many there were. Throws `StoreError`. */
  clear(filter: EntryFilter = {}): number {
    const selection = selectionOf(filter, this.#clock(), 'clear')
    outdate(this.#runs, selection)
    return this.#opened().clear(selection)
  }

  /** Forget one call, by its digest. Whether there was a result. Throws `StoreError`. */
  forget(key: Digest): boolean {
    outdate(this.#runs, { digest: key })
    return this.#opened().drop(key)
  }

  /** Write what is pending and close the directory. Later calls of its functions run uncached. */
  close(): void {
    const store = this.#store
    this.#store = undefined
    closed(this)
    this.#run?.close()
    store?.close()
    void this.#leave()
  }

  /** Rights are given back while there is a store to tell. */
  async #leave(): Promise<void> {
    await this.#shared?.rights?.releaseAll()
    await this.#shared?.tier.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** As `close()`, when all that is on its way to the blob store is there, as far as that answers. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#shared?.tier.push()
    await this.#shared?.rights?.releaseAll()
    this.close()
  }

  /** The program ends. PERMAFROST_REPORT asks for a report of each group then. */
  #end(): void {
    if (isSwitchedOn('PERMAFROST_REPORT') && this.#counted.size > 0) console.error(this.report())
    this.close()
  }
}
