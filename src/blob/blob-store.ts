/**
 * The words of the room: bytes under keys, each version with an etag. `BlobStore` is what is asked; `BlobDriver` is
 * what one kind of store must be able to do, and all that somebody writes who adds another kind. Everything that is
 * alike everywhere (keys, limits, retries, lengths, digests, probing) is done in front of the driver.
 */
import { BlobError } from '../errors.ts'
import type { ByteSize, Duration } from '../types.ts'

/** What is known of a blob without reading it. */
export interface BlobFacts {
  readonly key: string
  /** Bytes of the whole blob. */
  readonly size: number
  /** Names this version; compared exactly. Undefined where the server has none. */
  readonly etag: string | undefined
  /** When it was written, in milliseconds since the epoch. Undefined where the server does not say. */
  readonly modified: number | undefined
  /**
   * The time of the same clock when it answered: `asOf - modified` is how old the blob was. Not in listings, nor where
   * the clock is not the store's own.
   */
  readonly asOf?: number | undefined
}

/** The same as a listing has it. */
export const listed = ({ asOf: _, ...facts }: BlobFacts): BlobFacts => facts

/** A blob that is being read. Either take `body` or call `bytes()`, once; or `cancel()`. */
export interface StoredBlob extends BlobFacts {
  /** Fails with `ERR_BLOB_DAMAGED` rather than ending early or giving other bytes than were written, where that can be known. */
  readonly body: ReadableStream<Uint8Array>
  /** All of the body. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>
  /** Nothing of it is wanted. */
  cancel(): Promise<void>
}

/** Bytes from `start` up to, and without, `end`; what is past the end of the blob is left out. */
export interface BlobRange {
  readonly start: number
  readonly end?: number
}

export interface AskOptions {
  readonly signal?: AbortSignal
}

export interface GetOptions extends AskOptions {
  readonly range?: BlobRange
}

export interface PutOptions extends AskOptions {
  /** Only if there is no blob of this key. */
  readonly ifAbsent?: boolean
  /** Only if the blob of this key has this etag. */
  readonly ifMatch?: string
  /** Bytes of a stream, if known: it is an error if there are more or less. */
  readonly size?: number
}

export interface DeleteOptions extends AskOptions {
  /** Only if the blob has this etag. */
  readonly ifMatch?: string
}

export interface ListOptions extends AskOptions {
  /** Begin at this key, or at the next one if there is none such. */
  readonly startAt?: string
}

/** What a store can do. `undefined`: nobody has asked the server yet; the first conditional write does. */
export interface BlobCapabilities {
  /** Honours `ifAbsent`. */
  readonly conditionalCreate: boolean | undefined
  /** Honours `ifMatch` of `put`. */
  readonly compareAndSwap: boolean | undefined
  /** Honours `ifMatch` of `delete`. */
  readonly conditionalDelete: boolean | undefined
  /** Transfers only the bytes of a range. */
  readonly ranges: boolean
  readonly listing: boolean
  /** `modified` comes from one clock, whoever wrote. */
  readonly serverClock: boolean
}

/** What a store can that lacks nothing. */
export const CAPABLE: BlobCapabilities = {
  conditionalCreate: true,
  compareAndSwap: true,
  conditionalDelete: true,
  ranges: true,
  listing: true,
  serverClock: true,
}

/** The same where nobody knows before it is tried which conditions are honoured. */
export const UNPROBED: BlobCapabilities = {
  ...CAPABLE,
  conditionalCreate: undefined,
  compareAndSwap: undefined,
  conditionalDelete: undefined,
}

/**
 * Bytes under keys, in memory, in a directory or on a server. A write is seen as a whole or not at all, and by all
 * who read after it. All methods may fail with a `BlobError`; what aborts a `signal` is thrown as it is.
 */
export interface BlobStore {
  /** Where it is, without credentials. */
  readonly uri: string
  readonly capabilities: BlobCapabilities
  /** `undefined` if there is none. */
  get(key: string, options?: GetOptions): Promise<StoredBlob | undefined>
  /** `'unchanged'` if the blob has this etag. */
  get(
    key: string,
    options: GetOptions & { readonly ifNoneMatch: string | undefined },
  ): Promise<StoredBlob | 'unchanged' | undefined>
  /**
   * Returns the etag, if the server gives one. Bytes are not copied: leave them as they are until this is done.
   * @throws BlobError `ERR_BLOB_PRECONDITION` if the condition does not hold; `ERR_BLOB_UNSUPPORTED` where the server
   * would write without regard to it. After `ERR_BLOB_UNREACHABLE` nobody knows whether it was written, unless `undone`.
   */
  put(
    key: string,
    bytes: Uint8Array | ReadableStream<Uint8Array>,
    options?: PutOptions,
  ): Promise<string | undefined>
  head(key: string, options?: AskOptions): Promise<BlobFacts | undefined>
  /** What is not there is deleted already; but with `ifMatch` the condition does not hold. */
  delete(key: string, options?: DeleteOptions): Promise<void>
  /** All whose key begins with `prefix`, in the order of their keys. */
  list(prefix: string, options?: ListOptions): AsyncIterableIterator<BlobFacts>
  /** Lets go of connections. Whatever is asked afterwards fails with `ERR_BLOB_CLOSED`. */
  close(): Promise<void>
}

/** Options of every kind of store. */
export interface BlobStoreOptions {
  /** How long a server may say nothing, before and while it answers. @defaultValue 10 s */
  readonly timeout?: Duration
  /** How often what may safely be repeated is tried again. @defaultValue 2 */
  readonly retries?: number
  /** About how long to wait before the first retry; it doubles. @defaultValue 100 ms */
  readonly retryDelay?: Duration
  /** Of the largest blob that is written, or read by `bytes()`. @defaultValue 1 GiB */
  readonly maxSize?: ByteSize
  /** `http:`, `s3:` and `az:` how many connections to have to one server at most; more requests wait. @defaultValue 64 */
  readonly connections?: number
  /** `http:` a bearer token. */
  readonly token?: string
  /** `http:` and `redis:` */
  readonly user?: string
  /** `http:` and `redis:` */
  readonly password?: string
  /** `s3:` and `az:` where the service is, if not at its provider. */
  readonly endpoint?: string
  /** `s3:` @defaultValue AWS_REGION, or us-east-1 */
  readonly region?: string
  /** `s3:` @defaultValue AWS_ACCESS_KEY_ID */
  readonly accessKeyId?: string
  /** `s3:` @defaultValue AWS_SECRET_ACCESS_KEY */
  readonly secretAccessKey?: string
  /** `s3:` @defaultValue AWS_SESSION_TOKEN */
  readonly sessionToken?: string
  /** `s3:` whether the bucket is in the path, not in the host name. @defaultValue true with an endpoint */
  readonly pathStyle?: boolean
  /** `s3:` and `az:` bytes of the pieces in which larger streams are written. @defaultValue 8 MiB */
  readonly partSize?: ByteSize
  /** `az:` the key of the account. @defaultValue AZURE_STORAGE_KEY */
  readonly accountKey?: string
  /** `redis:` a connected client of `redis` or `ioredis`; it is not closed. */
  readonly client?: unknown
}

/** The same, with nothing left to default. Times in milliseconds, sizes in bytes. */
export interface BlobSettings
  extends Omit<
    BlobStoreOptions,
    'timeout' | 'retries' | 'retryDelay' | 'maxSize' | 'partSize' | 'connections'
  > {
  readonly timeout: number
  readonly retries: number
  readonly retryDelay: number
  readonly maxSize: number
  readonly partSize: number
  readonly connections: number
}

/** What a driver is asked for by a `get`. */
export type DriverGet = GetOptions & { readonly ifNoneMatch?: string | undefined }

/** What a driver gives for a `get`. `size` is that of the whole blob. */
export interface DriverBlob extends Omit<BlobFacts, 'key'> {
  /** The bytes of the range, or all. Looked at once at most. */
  readonly body: ReadableStream<Uint8Array>
  /** The same at once, in place of `body`, where that is less work. May end once there are more than `most`. */
  bytes?(most: number): Promise<Uint8Array<ArrayBuffer>>
  /** Of the whole blob, in hex, if it was noted when it was written. */
  readonly sha256?: string | undefined
}

/** What is written: bytes at hand, or a stream that can be read once. */
export interface BlobSource {
  readonly bytes?: Uint8Array
  readonly size: number | undefined
  /** May be called once if there are no `bytes`. */
  stream(): ReadableStream<Uint8Array>
}

/**
 * One kind of store. Keys are checked and ranges are sound when it is asked. It throws `BlobError`, and says by
 * `undone` whether a failed write may have happened. Conditions that its `capabilities` leave open are probed.
 */
export interface BlobDriver {
  readonly uri: string
  readonly capabilities: BlobCapabilities
  get(key: string, options: DriverGet): Promise<DriverBlob | 'unchanged' | undefined>
  put(key: string, source: BlobSource, options: PutOptions): Promise<string | undefined>
  head(key: string, options: AskOptions): Promise<BlobFacts | undefined>
  delete(key: string, options: DeleteOptions): Promise<void>
  list(prefix: string, options: ListOptions): AsyncIterable<BlobFacts>
  close(): Promise<void>
}

/** What a condition fails with. */
export const changed = (key: string, uri: string): BlobError =>
  new BlobError('ERR_BLOB_PRECONDITION', `${key} of ${uri} is not what it was thought to be`)
