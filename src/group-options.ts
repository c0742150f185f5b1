/**
 * What a group may be told: its options, and how each is checked. Nothing here acts on them.
 */
import type { BlobStore } from './blob/blob-store.ts'
import type { BuiltinCodec, Compression } from './codec/codec.ts'
import type { PermafrostError } from './errors.ts'
import type { Packages } from './freeze/origin.ts'
import {
  codecCheck,
  compressCheck,
  defaultLease,
  type LeaseOptions,
  leaseCheck,
  observeCheck,
  packagesCheck,
} from './memoize-options.ts'
import { is, type OptionCheck } from './options.ts'
import { DEFAULT_PIPELINE, pipelineCheck } from './pipeline.ts'
import { policies } from './store/policy.ts'
import type { ByteSize, Codec, Duration, EvictionPolicy } from './types.ts'

export type BuiltinPolicy = 'gdsf' | 'gdsize' | 'lru' | 'lfu' | 'fifo' | 'none'

/** Options of a group. All have defaults. */
export interface GroupOptions {
  /**
   * Where results are kept; made if it does not exist.
   * @defaultValue the environment variable `PERMAFROST_DIR`, else `.permafrost/` beside the nearest package.json above the current directory
   */
  readonly directory?: string
  /**
   * Which default directory: the project's, or one in the user's cache folder for all projects.
   * @defaultValue `'project'`
   */
  readonly scope?: 'project' | 'system'
  /**
   * Bytes on disk; what scores lowest leaves first.
   * @defaultValue `'1GiB'`
   */
  readonly maxSize?: ByteSize
  /** @defaultValue no limit */
  readonly maxEntries?: number
  /**
   * Bytes in memory for results that were read lately in this process: whoever asks again gets a copy from there. What another
   * process forgets, clears or computes anew is noticed a millisecond later. `false` for none.
   * @defaultValue `'64MiB'`
   */
  readonly memory?: ByteSize | false
  /**
   * Results up to this size are checked against their digest each time they are read; larger ones only by `verify()`. A damaged
   * one that is not checked is a wrong value.
   * @defaultValue no limit: all are
   */
  readonly checkUpTo?: ByteSize
  /**
   * Age at which results expire.
   * @defaultValue never
   */
  readonly ttl?: Duration
  /**
   * What leaves first.
   * @defaultValue `'gdsf'`: what is cheap to compute, large and seldom used
   */
  readonly policy?: BuiltinPolicy | EvictionPolicy
  /** @defaultValue `'cbor'` */
  readonly codec?: Codec | BuiltinCodec
  /**
   * Compress results of 4 KiB and more where it helps. `'zstd'` needs Node 22.15 or 23.8.
   * @defaultValue false
   */
  readonly compress?: Compression | false
  /**
   * What survives a power cut: `'process'` nothing in particular, `'commit'` all before the last `commit()`,
   * `'always'` each finished call. A killed process loses nothing with any of them.
   * @defaultValue `'commit'`
   */
  readonly durability?: 'process' | 'commit' | 'always'
  /**
   * How callers, threads and processes that want one result take turns; see the option of `memoize`.
   * @defaultValue `{ duration: '30s' }`
   */
  readonly lease?: false | LeaseOptions
  /** Called on each call of each function; what it returns must match. */
  readonly state?: () => unknown
  /**
   * How code under `node_modules` is identified: by version, by its source, or for single packages.
   * @defaultValue `'version'`
   */
  readonly packages?: Packages
  /**
   * What to do where a function uses what its key does not cover while it runs; see the option of `memoize`.
   * @defaultValue false
   */
  readonly observe?: 'warn' | 'refuse' | false
  /** @defaultValue `'respect'` */
  readonly keyOrder?: 'respect' | 'ignore'
  /**
   * Where results are shared with others: the URI of a blob store, or one that is open and stays so. Asynchronous functions ask there
   * before they compute; what was computed is sent there, after the caller has it.
   * @defaultValue none
   */
  readonly blobStore?: string | URL | BlobStore
  /**
   * What to do with the blob store: look results up, send them, or both.
   * @defaultValue `'read-write'`
   */
  readonly mode?: 'read' | 'write' | 'read-write'
  /**
   * With a key results are signed (HMAC-SHA256), and those in the blob store that are not are none.
   * @defaultValue none: whoever may write there is believed
   */
  readonly signingKey?: string | Uint8Array
  /**
   * How long a call waits for the blob store to answer before it computes. Then nobody asks there for a while.
   * @defaultValue `'5s'`
   */
  readonly patience?: Duration
  /**
   * The pipeline of its functions: what is kept in one is not found in another, so a new id starts over.
   * @defaultValue `'default'`
   */
  readonly pipelineId?: string
  /**
   * Throw a `ResultRequiredError` where a call would have to be computed.
   * @defaultValue false
   */
  readonly resultsOnly?: boolean
  /**
   * Note each call of this process in a file of its run, for `permafrost summary`. The environment variable `PERMAFROST_RUN` names a run
   * that several processes join.
   * @defaultValue true where there is a `blobStore`, or `PERMAFROST_RUN` is set
   */
  readonly runs?: boolean
  /**
   * Look results up, but write nothing.
   * @defaultValue false
   */
  readonly readonly?: boolean
  /**
   * Remove the directory at `close()` or at exit.
   * @defaultValue false
   */
  readonly temporary?: boolean
  /**
   * The time in milliseconds since the epoch, for tests.
   * @defaultValue `Date.now`
   */
  readonly clock?: () => number
  /**
   * Told of each failure that a call survived.
   * @defaultValue one process warning for each kind of failure and function
   */
  readonly onError?: (error: PermafrostError) => void
}

type Defaulted =
  | 'maxSize'
  | 'memory'
  | 'policy'
  | 'codec'
  | 'compress'
  | 'durability'
  | 'lease'
  | 'packages'
  | 'observe'
  | 'keyOrder'
  | 'mode'
  | 'patience'
  | 'pipelineId'
  | 'resultsOnly'
  | 'readonly'

/** What counts where nobody says; what is not here is none. */
export const groupDefaults: Required<Pick<GroupOptions, Defaulted>> = {
  maxSize: '1GiB',
  memory: '64MiB',
  policy: 'gdsf',
  codec: 'cbor',
  compress: false,
  durability: 'commit',
  lease: defaultLease,
  packages: 'version',
  observe: false,
  keyOrder: 'respect',
  mode: 'read-write',
  patience: '5s',
  pipelineId: DEFAULT_PIPELINE,
  resultsOnly: false,
  readonly: false,
}

/** The checks of all options of a group. */
export const groupChecks: Readonly<Record<keyof GroupOptions, OptionCheck>> = {
  directory: is.string,
  scope: is.oneOf('project', 'system'),
  maxSize: is.size,
  maxEntries: is.count,
  memory: is.either(is.oneOf(false), is.size),
  checkUpTo: is.size,
  ttl: is.duration,
  policy: is.either(is.oneOf(...Object.keys(policies)), is.named('an EvictionPolicy', 'score')),
  codec: codecCheck,
  compress: compressCheck,
  durability: is.oneOf('process', 'commit', 'always'),
  lease: leaseCheck,
  state: is.function,
  packages: packagesCheck,
  observe: observeCheck,
  keyOrder: is.oneOf('respect', 'ignore'),
  blobStore: {
    expects: 'the URI of a blob store, or a blob store',
    accepts: (value) =>
      typeof value === 'string' || value instanceof URL
        ? URL.canParse(`${value}`)
        : typeof (value as { get?: unknown } | null)?.get === 'function',
  },
  mode: is.oneOf('read', 'write', 'read-write'),
  signingKey: {
    expects: 'a non-empty string or bytes',
    accepts: (value) => is.string.accepts(value) || (value instanceof Uint8Array && value.length > 0),
  },
  patience: is.duration,
  pipelineId: pipelineCheck,
  resultsOnly: is.boolean,
  runs: is.boolean,
  readonly: is.boolean,
  temporary: is.boolean,
  clock: is.function,
  onError: is.function,
}
