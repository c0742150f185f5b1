/**
 * The words all rooms share, as types. Nothing here does anything.
 */

export type AnyFunction = (...args: any[]) => any

/** A 128-bit content hash (XXH3-128), 32 lower-case hex digits. */
export type Digest = string & { readonly __brand: 'Digest' }

/** Milliseconds, or a number with a unit: `500`, `'90s'`, `'7d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd' | 'w'}`

/** Bytes, or a number with a unit: `4096`, `'100MB'` (powers of 1000), `'10GiB'` (powers of 1024). */
export type ByteSize = number | `${number}${'B' | 'KB' | 'MB' | 'GB' | 'TB' | 'KiB' | 'MiB' | 'GiB' | 'TiB'}`

/** What identifies a call. Two calls with equal `digest` are the same call. */
export interface CallKey {
  /** A label to find and list entries by; it is not part of `digest`, so moving a function keeps its hits. */
  readonly name: string
  /** The function: its code, what it captures, the packages it uses. */
  readonly code: Digest
  /** The arguments. */
  readonly args: Digest
  /** The contents of the input files. */
  readonly inputs: Digest
  /** What the `state` options of group and function returned. */
  readonly state: Digest
  /** All of the above but the name. */
  readonly digest: Digest
}

/** One row of the index: a call and the object that holds its result. Sizes in bytes, times in milliseconds. */
export interface Entry {
  readonly key: CallKey
  /** Digest of the stored bytes. */
  readonly object: Digest
  readonly size: number
  /** How long the function ran, in milliseconds. */
  readonly computeTime: number
  readonly hits: number
  /** Milliseconds since the epoch, as are the next two. */
  readonly createdAt: number
  readonly accessedAt: number
  readonly expiresAt?: number
  /** Name of the codec that wrote the bytes. */
  readonly codec: string
  /** Whether the function returned a promise of the value. */
  readonly async: boolean
  readonly tags: readonly string[]
}

/** Counted over all processes since the last reset; a call that throws is a miss, too. Times in milliseconds, `bytes` on disk now. */
export interface FunctionStats {
  readonly hits: number
  readonly misses: number
  /** Computing time that hits made unnecessary. */
  readonly timeSaved: number
  /** Computing time of the misses. */
  readonly timeSpent: number
  /** Milliseconds that permafrost itself took: to identify calls, to find and read results, to write them. */
  readonly overhead: number
  readonly bytes: number
}

/** The same for all functions of a directory, and what is in it now. `size` in bytes. */
export interface GroupStats extends FunctionStats {
  readonly entries: number
  readonly size: number
  readonly functions: Readonly<Record<string, FunctionStats>>
}

/** What `gc()` removed. */
export interface GcReport {
  readonly expired: number
  readonly evicted: number
  readonly orphans: number
  readonly bytesFreed: number
}

/** What `verify()` found. `steps` maps each step to its time in milliseconds, `checked` to how many things it looked at. */
export interface VerifyReport {
  readonly problems: readonly Problem[]
  readonly steps: Readonly<Record<string, number>>
  readonly checked: Readonly<Record<string, number>>
}

/** Options of `recover()`. */
export interface RecoverOptions extends Watch {
  /** Only count. */
  readonly dryRun?: boolean
}

/** Options of `verify()`. */
export interface VerifyOptions extends Watch {
  /** Repair what can be repaired. */
  readonly repair?: boolean
}

/** Which entries are to leave: the lowest scores until the limits hold, or all that fit a filter. */
export interface EvictOptions extends Watch {
  /** Bytes that may stay. */
  readonly maxSize?: ByteSize
  /** Entries that may stay. */
  readonly maxEntries?: number
  /** These leave first, whatever the limits. */
  readonly filter?: EntryFilter
}

/** What `evict()` removed. */
export interface EvictReport {
  readonly evicted: number
  readonly bytesFreed: number
}

/** The bytes of one function: what lies in rows of the index, in object files, and in leaves, those it shares included. */
export interface Share {
  readonly entries: number
  readonly rows: number
  readonly objects: number
  readonly leaves: number
}

/** Bytes of a directory, as its index counts them: files in whole blocks of 4096 bytes, each leaf once. */
export interface Space {
  readonly functions: Readonly<Record<string, Share>>
  /** The index file, with free pages and what is noted of calls. */
  readonly index: number
  /** The log beside it. */
  readonly log: number
  readonly objects: number
  readonly leaves: number
  /** Half-written files, an index that was set aside. */
  readonly rest: number
  readonly total: number
}

/** What can be said of a directory before it is opened. */
export interface DirectoryFacts {
  readonly directory: string
  /** The format that this version writes. */
  readonly format: number
  readonly exists: boolean
  /** Why it cannot be a cache directory: it is somebody else's, or of a newer format. */
  readonly refusal?: string
  /** Of a directory that does not exist, what is to hold it. */
  readonly isWritable: boolean
  /** The kind of network file system it is on, if it is or may be; only Linux tells. */
  readonly network?: string
  /** Bytes. */
  readonly free?: number
}

/** What is kept for a call, for somebody to look at. */
export interface Preview {
  /** What the call returned, threw, or gave piece by piece; or nothing, if it cannot be shown. */
  readonly kind: 'value' | 'error' | 'stream' | 'unreadable'
  /** The value, the error, or of a stream the first values, 20 at most. */
  readonly value?: unknown
  /** Why it cannot be shown. */
  readonly why?: string
  /** Pieces written to standard output and error while it was computed; undefined if nobody listened. */
  readonly printed?: number
  /** The files and environment variables it was seen to read. */
  readonly reads: readonly string[]
  /** Paths of the files that are part of it. */
  readonly outputs: readonly string[]
}

/** A call whose entry left, and why. */
export interface Departed {
  readonly key: Digest
  readonly why: MissReason
  readonly explanation: string
}

export interface Problem {
  readonly code: string
  readonly message: string
  readonly repaired: boolean
}

/** Which entries are meant: all that fit what is given. */
export interface EntryFilter {
  /** The name of a function; `*` stands for any characters. */
  readonly name?: string
  readonly tag?: string
  /** How the digest of the function's code begins. */
  readonly code?: string
  /** Computed then or later; a duration says how long ago. */
  readonly since?: Date | Duration
  /** Computed before; a duration says how long ago. */
  readonly before?: Date | Duration
  /** Neither computed nor hit since; a duration says how long ago. */
  readonly usedBefore?: Date | Duration
  /** Of more bytes than this. */
  readonly largerThan?: ByteSize
}

/** What comes first: what was used or computed last, is largest, took longest, was hit most; or by name. */
export type EntryOrder = 'used' | 'created' | 'size' | 'time' | 'hits' | 'name'

/** Which entries to list, and in which order. */
export interface Listing extends EntryFilter {
  /** @defaultValue in the order in which they came, the last one first; beside the others it costs nothing */
  readonly sort?: EntryOrder
  /** What would come last comes first. */
  readonly reverse?: boolean
  /** @defaultValue all */
  readonly limit?: number
}

/** To watch work that takes its time, and to stop it. */
export interface Watch {
  /** Once aborted, no more is begun; what was done stays done, and is reported. */
  readonly signal?: AbortSignal
  /** Told now and then how much was done, and of how much. */
  readonly onProgress?: (done: number, total: number) => void
}

/** What `export()` wrote. `bytes` are those of the results. */
export interface ExportReport {
  readonly entries: number
  readonly bytes: number
}

/** What `import()` did with the entries of a file. */
export interface ImportReport {
  readonly imported: number
  /** The call has an entry, which stays. */
  readonly present: number
  readonly expired: number
  /** There was no room. */
  readonly refused: number
}

/** Scores entries; the lowest score leaves first. */
export interface EvictionPolicy {
  readonly name: string
  /** `inflation` is the score of the last entry that left. */
  score(entry: Entry, inflation: number): number
}

/** Values to bytes and back. `name` is stored with every object; bytes of another codec are a miss. */
export interface Codec {
  readonly name: string
  encode(value: unknown): Uint8Array
  decode(bytes: Uint8Array): unknown
}

/** Why a call misses. */
export type MissReason =
  | 'absent'
  | 'code'
  | 'args'
  | 'inputs'
  | 'state'
  | 'expired'
  | 'evicted'
  | 'forgotten'
  | 'lost'
