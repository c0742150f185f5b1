/**
 * What the other rooms may ask of a store, and what they must bring to open one. Nothing here does anything.
 */
import type { PermafrostError } from '../errors.ts'
import type {
  CallKey,
  Digest,
  Entry,
  EntryOrder,
  EvictionPolicy,
  EvictReport,
  ExportReport,
  FunctionStats,
  GcReport,
  ImportReport,
  RecoverOptions,
  Space,
  VerifyOptions,
  VerifyReport,
  Watch,
} from '../types.ts'

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
  /** Bytes up to which an object is checked each time it is read. */
  readonly checkUpTo?: number
  /** Bytes of results that were read lately to keep in memory; 0 for none. */
  readonly memory?: number
  readonly policy: EvictionPolicy
  /** What survives power loss: what the system wrote by itself, all at `commit()` and `close()`, or each put. */
  readonly durability: 'process' | 'commit' | 'always'
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly digest: (bytes: Uint8Array) => Digest
  /** The same for bytes that come piece by piece. */
  readonly newDigester: () => Digester
  /** Told of failures that were survived. */
  readonly onError: (error: PermafrostError) => void
}

export interface Digester {
  update(bytes: Uint8Array): void
  digest(): Digest
}

/** A result that is written piece by piece. Methods throw nothing but `StoreError`. */
export interface Draft {
  /** Adds bytes. False if there is no room for so many; then the draft is gone. */
  append(bytes: Uint8Array): boolean
  /** Makes a result of all that was added, as `put` does. `entry` has the key, codec and tags the draft was begun with. */
  keep(entry: NewEntry): Entry | undefined
  /** Removes it, unless it was kept. */
  discard(): void
}

/** A result that is read piece by piece, open until it is closed: whatever happens to its entry, its bytes stay. */
export interface Pieces {
  readonly size: number
  /** The bytes from `start` on, as many as fit into `into`: how many. */
  read(into: Uint8Array, start: number): number
  close(): void
}

/** What is counted for one function. */
export type Counts = Omit<FunctionStats, 'bytes'>

/** Why an entry left: for room or as an old version, by age, because somebody asked, or since its bytes were damaged. */
export type WhyDeparted = 'evicted' | 'expired' | 'forgotten' | 'lost'

/** How long a right to compute lasts, and how long others wait for it. Milliseconds. */
export interface LeaseTerms {
  readonly duration: number
  /** Infinity: as long as the holder lives. */
  readonly wait: number
}

/** A right to compute a call. */
export interface Lease {
  readonly key: Digest
  /** Tells this lease from all others of the same call. */
  readonly token: number
  /** Whether it has been given back. */
  isOver: boolean
}

/** `unwanted`: there is nothing to wait for; whoever wants the result computes it. */
export type LeaseRefusal = 'taken' | 'taken asynchronously' | 'unwanted'

export interface NewEntry {
  readonly key: CallKey
  readonly computeTime: number
  /** When it was computed, if not now. */
  readonly createdAt?: number
  readonly expiresAt?: number
  /** Milliseconds after that for which somebody may still want it. */
  readonly staleFor?: number
  readonly codec: string
  readonly async: boolean
  readonly tags: readonly string[]
  /** Code versions of this function to keep; Infinity keeps all. */
  readonly keepVersions: number
  /** Text about the call, to explain later misses by; counts to the size. */
  readonly note?: string
  /** Under which it was computed. A put ends it; if somebody else has it by now, what is there stays. */
  readonly lease?: Lease
  /** Text about the code version, if there is none yet. */
  readonly codeNote?: () => string | undefined
}

/** A result as it is stored: the bytes of its codec, and beside them the large memory that they leave out. */
export interface Stored {
  readonly bytes: Uint8Array
  readonly leaves: readonly Uint8Array[]
}

/** Which entries are meant: all that fit what is given. Moments in milliseconds since the epoch. */
export interface Selection {
  readonly name?: string
  /** Of a name, in which `*` stands for any characters. */
  readonly pattern?: string
  readonly tag?: string
  /** How the digest of the code begins. */
  readonly code?: string
  /** Computed then or later. */
  readonly since?: number
  /** Computed earlier. */
  readonly before?: number
  /** Neither computed nor hit since. */
  readonly usedBefore?: number
  /** Bytes of the result. */
  readonly largerThan?: number
}

/** In which order, and how many. Without `sort`, the last that came first, as `newest` gives them. */
export interface Sorting {
  readonly sort?: EntryOrder | undefined
  readonly reverse?: boolean | undefined
  readonly limit?: number | undefined
}

/** What people ask about a directory, and no call does; see survey.ts. Methods throw nothing but `StoreError`. */
export interface Survey {
  /** The last that came first; `limit` at most. */
  newest(selection: Selection, limit?: number): IterableIterator<Entry>
  sorted(selection: Selection, sorting: Sorting): IterableIterator<Entry>
  /** How many there are, and what they are charged. */
  sum(selection: Selection): { readonly entries: number; readonly size: number }
  /** The entries of calls whose digests begin so; `limit` at most. */
  startingWith(prefix: string, limit: number): readonly Entry[]
  /** The calls whose digests begin so and whose entries left lately, the last one first. */
  departedLike(prefix: string): readonly { readonly key: Digest; readonly why: WhyDeparted }[]
  space(): Space
}

/** Who is to leave: those selected; then others, until the limits hold. */
export interface Eviction extends Watch {
  readonly maxSize: number
  readonly maxEntries: number
  readonly selection?: Selection
}

/** Who is computing what; see leases.ts. Methods throw nothing but `StoreError`. */
export interface LeaseDesk {
  /**
   * The right to compute a call, or why there is none to be had.
   * @param beating whether the function is known to be asynchronous, so that those who wait need not block
   */
  acquire(key: Digest, terms: LeaseTerms, beating: boolean): Lease | LeaseRefusal
  /** Whether whoever computes that call waits, by whatever detour, for one of these leases, whose holder asks. */
  circles(held: readonly Lease[], key: Digest): boolean
  /** The function turned out to be asynchronous. */
  renew(lease: Lease): void
  /** `'unkept'`: the call was computed, but there is nothing to find. No effect after a put. */
  release(lease: Lease, outcome: 'done' | 'unkept'): void
}

/** Texts that others left, by digests that say all about them. To be lost at any time, never altered. Methods throw nothing but `StoreError`. */
export interface KeptTexts {
  get(key: Digest): string | undefined
  /** Well-formed Unicode. Written in batches; without effect where nothing is kept. */
  set(key: Digest, text: string): void
}

/** Methods throw nothing but `StoreError`; after `close()` they throw one with `ERR_STORE_CLOSED`. */
export interface Store extends Disposable {
  readonly directory: string
  /** True also where the directory turned out not to be writable. */
  readonly readonly: boolean
  readonly leases: LeaseDesk
  readonly survey: Survey
  /** What was read out of texts. */
  readonly parses: KeptTexts
  /** The row of a call, expired or not. No side effects. One that is in memory is frozen, and the same each time. */
  find(key: Digest): Entry | undefined
  /** What was put, checked, each in fresh memory of its own. Undefined if it is gone or damaged; then the entry is dropped. */
  read(entry: Entry): Stored | undefined
  /** The bytes of a result without leaves, checked piece by piece, to be read piece by piece. Undefined as for `read`. */
  pieces(entry: Entry): Pieces | undefined
  /** Whether `read` would give bytes. No side effects. */
  has(entry: Entry): boolean
  /** Undefined if there is no room for it. Equal leaves are stored once, and are worth 64 KiB each. */
  put(entry: NewEntry, bytes: Uint8Array, leaves?: readonly Uint8Array[]): Entry | undefined
  /** For a result that is too large to be held in memory. */
  begin(about: Pick<NewEntry, 'key' | 'codec' | 'async' | 'tags'>): Draft
  /** `touched` is the entry that was hit. Written in batches. */
  count(name: string, what: Partial<Counts>, touched?: Digest): void
  drop(key: Digest): boolean
  clear(selection?: Selection): number
  /** The last that came first. */
  entries(selection?: Selection): IterableIterator<Entry>
  /** The code versions of a function that have entries, the one computed last first. */
  versionsOf(name: string): readonly { readonly code: Digest; readonly latest: number }[]
  /** Among the recent entries of the same name, the one most like this call: to explain a miss. */
  closest(key: CallKey): Entry | undefined
  /** Why the entry of a call left, if that was lately: some thousand others ago at most. */
  departed(key: Digest): WhyDeparted | undefined
  /** What was noted of a call or a code version, by its digest. */
  noted(about: Digest): string | undefined
  totals(): { readonly entries: number; readonly size: number }
  usage(): Readonly<Record<string, FunctionStats>>
  resetUsage(name?: string): void
  /** Writes what was counted. */
  flush(): void
  /** When it returns, all finished results survive power loss. */
  commit(): void
  /** Writes entries that have not expired to one file, which appears whole or not at all. */
  export(path: string, selection?: Selection, watch?: Watch): Promise<ExportReport>
  /** Puts what such a file holds, unless the call has an entry. Throws at what is damaged; what came before it stays. */
  import(path: string, watch?: Watch): Promise<ImportReport>
  gc(watch?: Watch): Promise<GcReport>
  evict(eviction: Eviction): Promise<EvictReport>
  verify(options?: VerifyOptions): Promise<VerifyReport>
  recover(options?: RecoverOptions): Promise<{ readonly adopted: number }>
  close(): void
}
