/**
 * What `memoize` may be told: its options, and how each is checked. Nothing here acts on them.
 */
import type { BuiltinCodec, Compression } from './codec/codec.ts'
import type { Packages } from './freeze/origin.ts'
import type { MemoizedGroup } from './group.ts'
import type { CacheErrors } from './memo.ts'
import { is, milliseconds, type OptionCheck } from './options.ts'
import { pipelineCheck } from './pipeline.ts'
import type { LeaseTerms } from './store/contract.ts'
import type { AnyFunction, CallKey, Codec, Duration } from './types.ts'

/** Options of one memoized function; what is left out comes from the group. */
export interface MemoizeOptions<F extends AnyFunction = AnyFunction> {
  /**
   * A label to list and clear results by.
   * @defaultValue the function's place: `src/fit.ts#fit`
   */
  readonly name?: string
  /**
   * Where results are kept.
   * @defaultValue the default group, in `.permafrost/` beside the nearest package.json
   */
  readonly group?: MemoizedGroup
  /** Identifies the function by name and version in place of its code and all that it captures. */
  readonly version?: string | number
  /**
   * Functions that it calls in a way that its code does not show, by name or through a table: theirs counts as its own.
   * @defaultValue none
   */
  readonly calls?: readonly AnyFunction[]
  /**
   * The pipeline of its results; see the group's option.
   * @defaultValue the group's
   */
  readonly pipelineId?: string
  /**
   * Where its results are, in the place of pipeline, name and code: the URI of a memospace (what `memoUri()` gives, without the last
   * part). So a function that was renamed or rewritten goes on with the results of the one before; new ones are put there, too.
   */
  readonly memospace?: string
  /**
   * Throw a `ResultRequiredError` where it would have to be computed.
   * @defaultValue the group's
   */
  readonly resultsOnly?: boolean
  /**
   * Whether errors that are kept (`cacheErrors`) are there to be looked at only: a call computes again.
   * @defaultValue false
   */
  readonly rerunErrors?: boolean
  /** Called on each call; what it returns must match, too. */
  readonly state?: () => unknown
  /** What of the arguments identifies the call, in place of all of them. */
  readonly cacheKey?: (...args: Parameters<F>) => unknown
  /** Arguments left out of the key, by position (from 0) or by parameter name. */
  readonly ignore?: readonly (number | string)[]
  /** Whether to keep this value; of a stream, asked at its end about `undefined`. `elapsed` is the computing time in milliseconds. */
  readonly shouldCache?: (
    value: Awaited<ReturnType<F>>,
    context: { readonly key: CallKey; readonly elapsed: number },
  ) => boolean
  /**
   * Age at which a result expires: milliseconds or `'7d'`, or a function of the value (undefined: never;
   * of a stream, asked at its end about `undefined`). A lower one counts for what was kept before, too; a function does not.
   * @defaultValue the group's
   */
  readonly ttl?: Duration | ((value: Awaited<ReturnType<F>>) => Duration | undefined)
  /**
   * For so long after its expiry a result is given all the same, and computed again in the background.
   * @defaultValue 0
   */
  readonly staleWhileRevalidate?: Duration
  /**
   * For so long after its expiry a result is given where computing it again throws or rejects.
   * @defaultValue 0
   */
  readonly staleIfError?: Duration
  /**
   * Whether errors are kept, too, and thrown again on a hit: all, those it says yes to, or all for so long.
   * @defaultValue false
   */
  readonly cacheErrors?: boolean | ((error: unknown) => boolean) | { readonly ttl: Duration }
  /**
   * Whether what a call writes to standard output and error, console included, is kept and written again on a hit.
   * @defaultValue false
   */
  readonly captureOutput?: boolean
  /**
   * Whether the function is what it is taken for: `'mutation'` looks for arguments and captured state that a call changed; a number
   * (0 to 1) is the fraction of hits that are computed again and compared. What is found becomes one process warning and an
   * `impure` event; nothing else changes.
   * @defaultValue neither
   */
  readonly audit?: 'mutation' | number
  /**
   * Of all callers, threads and processes that want one result, one computes it and the others wait: `duration` is how long
   * a holder on another machine is believed without a heartbeat, `wait` how long others wait. `false`: everybody computes.
   * @defaultValue the group's
   */
  readonly lease?: false | LeaseOptions
  /**
   * How values become bytes.
   * @defaultValue `'cbor'`
   */
  readonly codec?: Codec | BuiltinCodec
  /**
   * Compress results of 4 KiB and more where it helps. `'zstd'` needs Node 22.15 or 23.8.
   * @defaultValue the group's
   */
  readonly compress?: Compression | false
  /**
   * How many versions of the code keep their results; the oldest leave first.
   * @defaultValue `'all'`, until they are evicted
   */
  readonly keepVersions?: number | 'all'
  /**
   * `'once'`: what the function captures is read at the first call only.
   * @defaultValue `'live'`
   */
  readonly closure?: 'live' | 'once'
  /**
   * Whether the order of an object's, Map's or Set's members makes another call.
   * @defaultValue `'respect'`
   */
  readonly keyOrder?: 'respect' | 'ignore'
  /**
   * How code under `node_modules` is identified: by version, by its source, or for single packages.
   * @defaultValue the group's
   */
  readonly packages?: Packages
  /**
   * What to do when arguments cannot be identified or the value cannot be stored: `'warn'` once and run uncached,
   * `'throw'`, or `'ignore'` it.
   * @defaultValue `'warn'`
   */
  readonly onUncacheable?: 'warn' | 'throw' | 'ignore'
  /**
   * `'auto'`: the files and environment variables that the function is seen to read while it runs are recorded with its result, and
   * checked before each later answer. What counts is what passes through Node's `fs` and `process.env` while the call runs.
   * @defaultValue `'declared'`: those of `file()` and `files()` only
   */
  readonly inputs?: 'declared' | 'auto'
  /**
   * Say nothing about what the code uses that no key covers (the clock, randomness, the network, files, …).
   * @defaultValue false: it is told on the channel `permafrost:impure`, once
   */
  readonly assumePure?: boolean
  /** What of that is fine, by name or the beginning of one: `['Date.now', 'fs']`. */
  readonly allow?: readonly string[]
  /**
   * Notice, each time the function runs, what it uses that its key does not cover (the clock, randomness, other environment
   * variables and files than its own, the network, other processes), unless `allow` or `assumePure` says that it is fine:
   * `'warn'` once, or `'refuse'` to keep the result. What was kept before the option was set stays: `clear()` it.
   * @defaultValue the group's
   */
  readonly observe?: 'warn' | 'refuse' | false
  /** Labels for `group.clear({ tag })`. */
  readonly tags?: readonly string[]
}

/** The check of the `codec` option of functions and groups. */
export const codecCheck: OptionCheck = is.either(
  is.oneOf('cbor', 'json', 'v8', 'raw'),
  is.named('a Codec', 'encode', 'decode'),
)

/** The check of the `compress` option of functions and groups. */
export const compressCheck: OptionCheck = is.oneOf('zstd', 'gzip', 'brotli', false)

/** The check of the `observe` option of functions and groups. */
export const observeCheck: OptionCheck = is.oneOf('warn', 'refuse', false)

/** The check of the `packages` option of functions and groups. */
export const packagesCheck: OptionCheck = is.either(is.oneOf('version', 'source'), {
  expects: "an object of 'version', 'source' or 'ignore' by package",
  accepts: (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((one) => one === 'version' || one === 'source' || one === 'ignore'),
})

/** How leases are taken; see the `lease` option. */
export interface LeaseOptions {
  /** @defaultValue `'30s'` */
  readonly duration?: Duration
  /** @defaultValue as long as the holder lives */
  readonly wait?: Duration
  /**
   * Of a group with a blob store: whether SIGINT, SIGTERM and SIGHUP first give back the rights to compute that other machines wait
   * for (2 s at most). While it listens, those signals do not interrupt a function that blocks its thread.
   * @defaultValue false: others wait until the lease is over; those on the same host do not
   */
  readonly signals?: boolean
}

/** Of a function and a group that say nothing. */
export const defaultLease: { readonly duration: Duration } = { duration: '30s' }

/** The check of the `lease` option of functions and groups. */
export const leaseCheck: OptionCheck = is.either(
  is.oneOf(false),
  is.record({ duration: is.duration, wait: is.duration, signals: is.boolean }),
)

/** The `cacheErrors` option. */
export function cacheErrorsOf(option: MemoizeOptions['cacheErrors']): CacheErrors | undefined {
  if (option === undefined || option === false) return undefined
  if (typeof option === 'function') return { accepts: option }
  return { accepts: () => true, ...(option !== true && { ttl: option.ttl }) }
}

/** The option in milliseconds. */
export function leaseTerms(lease: false | LeaseOptions | undefined): LeaseTerms | false {
  if (lease === false) return false
  const { duration = defaultLease.duration, wait } = lease ?? {}
  return {
    duration: milliseconds(duration, 'lease.duration'),
    wait: wait === undefined ? Number.POSITIVE_INFINITY : milliseconds(wait, 'lease.wait'),
  }
}

/** The checks of all options of `memoize`. `isGroup` tells a MemoizedGroup. */
export const memoizeChecks = (
  isGroup: (value: object) => boolean,
): Readonly<Record<keyof MemoizeOptions, OptionCheck>> => ({
  name: is.string,
  group: {
    expects: 'a MemoizedGroup',
    accepts: (value) => typeof value === 'object' && value !== null && isGroup(value),
  },
  version: is.version,
  calls: is.listOf('functions', (item) => typeof item === 'function'),
  pipelineId: pipelineCheck,
  memospace: is.string,
  resultsOnly: is.boolean,
  rerunErrors: is.boolean,
  state: is.function,
  cacheKey: is.function,
  ignore: is.listOf(
    'positions or parameter names',
    (item) =>
      (typeof item === 'string' && item !== '') || (Number.isSafeInteger(item) && (item as number) >= 0),
  ),
  shouldCache: is.function,
  ttl: is.either(is.duration, is.function),
  staleWhileRevalidate: is.duration,
  staleIfError: is.duration,
  cacheErrors: is.either(is.boolean, is.function, is.record({ ttl: is.duration })),
  captureOutput: is.boolean,
  audit: {
    expects: "'mutation', or a number from 0 to 1",
    accepts: (value) => value === 'mutation' || (typeof value === 'number' && value >= 0 && value <= 1),
  },
  lease: leaseCheck,
  codec: codecCheck,
  compress: compressCheck,
  keepVersions: is.either(is.count, is.oneOf('all')),
  closure: is.oneOf('live', 'once'),
  keyOrder: is.oneOf('respect', 'ignore'),
  packages: packagesCheck,
  onUncacheable: is.oneOf('warn', 'throw', 'ignore'),
  observe: observeCheck,
  inputs: is.oneOf('declared', 'auto'),
  assumePure: is.boolean,
  allow: is.listOf('names such as "Date.now" or "fs"', (item) => typeof item === 'string' && item !== ''),
  tags: is.listOf('strings', (item) => typeof item === 'string' && item !== ''),
})
