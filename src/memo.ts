/**
 * What a memoized function and its group are for the rooms that handle calls: types, and nothing that does anything.
 */
import type { PermafrostError } from './errors.ts'
import type { Purity } from './impure.ts'
import type { Flight } from './keep.ts'
import type { Keyed, Space, Subject } from './key.ts'
import type { RunLog } from './run-log.ts'
import type { Running } from './running.ts'
import type { Rights } from './shared/lease.ts'
import type { About } from './shared/parcel.ts'
import type { Tier } from './shared/tier.ts'
import type { LeaseTerms, Store } from './store/contract.ts'
import type { CallKey, Codec, Digest, Duration } from './types.ts'

/** What the calls of one directory share. */
export interface Room {
  /** Undefined while the directory cannot be used. */
  store(): Store | undefined
  readonly clock: () => number
  /** Asynchronous calls that are running, for others to join. */
  readonly flights: Map<Digest, Flight>
  /** All calls that are running, and streams that are being recorded. */
  readonly running: Set<Running>
  /** Calls that are being computed again in the background. */
  readonly revalidating: Set<Digest>
  /** Tell of a failure that the call survived. `subject` is the function's name. */
  report(error: PermafrostError, subject: string): void
  /** Where its calls are noted; undefined where they are not. */
  readonly run: RunLog | undefined
  /** What others have computed, and are given; undefined where nothing is shared. */
  readonly shared: SharedRoom | undefined
  /** For this process and for all. `touched` is the entry that was of use. */
  count(name: string, what: Counted, touched?: Digest): void
}

/** The tier behind the directory, as calls see it. */
export interface SharedRoom {
  readonly tier: Tier
  /** Rights to compute, among all machines; undefined where none are taken. */
  readonly rights: Rights | undefined
  /** Whether only those who have the signing key can have put there what is there. */
  readonly isTrusted: boolean
  /** The store's URI, without credentials. */
  readonly root: string
  spaceOf(memo: Memo): Space
  /** The key below the store's root that a memospace's URI names. Throws a `TypeError` for one of another store. */
  below(memospace: string): string
  about(memo: Memo, keyed: Keyed): About
}

export interface Counted {
  readonly hits?: number
  readonly misses?: number
  readonly timeSaved?: number
  readonly timeSpent?: number
  /** Milliseconds that permafrost itself took. */
  readonly overhead?: number
}

/** One memoized function: what it is, where its results go and under which conditions. */
export interface Memo extends Subject {
  readonly room: () => Room
  readonly codec: Codec
  readonly shouldCache:
    | ((value: any, context: { readonly key: CallKey; readonly elapsed: number }) => boolean)
    | undefined
  /** In milliseconds. */
  readonly ttl: number | ((value: any) => Duration | undefined) | undefined
  /** Milliseconds after its expiry for which a result may stand in for a new one. */
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  /** Which errors are kept, and for how long; undefined: none. */
  readonly cacheErrors: CacheErrors | undefined
  /** Whether what a call prints is kept, and printed again. */
  readonly captureOutput: boolean
  /** Whether to look for what calls change, or the fraction of hits to compute again and compare. */
  readonly audit: 'mutation' | number | undefined
  readonly keepVersions: number
  readonly tags: readonly string[]
  /** What happens where a run uses what the key does not cover. */
  readonly observe: 'warn' | 'refuse' | false
  /** Whether what a run reads becomes part of what its result is kept for. */
  readonly recordsInputs: boolean
  /** What the user said is fine. */
  readonly purity: Purity
  readonly onUncacheable: 'warn' | 'throw' | 'ignore'
  /** What it is called where others look for its results. */
  readonly functionId: string
  /** Where its results belong, whether that is the usual place or not. */
  readonly spaceOf: () => Space
  /** Whether to throw where it would have to be computed. */
  readonly resultsOnly: boolean
  /** Whether errors that are kept are never given, but computed again. */
  readonly rerunErrors: boolean
  readonly lease: LeaseTerms | false
  /** Whether it is declared asynchronous, so that each of its calls gives a promise. */
  readonly isAsync: boolean
  /** Whether it is declared as an asynchronous generator. */
  readonly isAsyncGenerator: boolean
  /** What is learnt of the function from its calls in this process. */
  readonly learnt: Learnt
}

export interface CacheErrors {
  readonly accepts: (error: unknown) => boolean
  /** @defaultValue the function's, unless that is a function of the value */
  readonly ttl?: Duration
}

export interface Learnt {
  /** How often it was computed. */
  calls: number
  /** Milliseconds that took in all. */
  time: number
  /** Whether one of them gave a promise. */
  isAsync: boolean
  /** Whether one of them gave a value, or threw, without waiting. */
  isSync: boolean
}
