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
export interface RecoverOptions {
  /** Only count. */
  readonly dryRun?: boolean
  /** Told now and then how many objects were looked at, and of how many. */
  readonly onProgress?: (done: number, total: number) => void
}

export interface Problem {
  readonly code: string
  readonly message: string
  readonly repaired: boolean
}

/** Which entries are meant: all of one function name, all with one tag, or both. */
export interface EntryFilter {
  readonly name?: string
  readonly tag?: string
}

/** Which entries to export: all that fit what is given. */
export interface ExportFilter {
  /** The name of a function; `*` stands for any characters. */
  readonly name?: string
  readonly tag?: string
  /** Computed then or later; a duration says how long ago. */
  readonly since?: Date | Duration
  /** Computed before; a duration says how long ago. */
  readonly before?: Date | Duration
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
