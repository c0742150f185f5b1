/**
 * What stands before every driver, so that all stores behave alike: keys and options are checked, conditions are
 * probed, what is safe is retried, and no body ends short, altered or larger than allowed.
 */
import { BlobError } from '../errors.ts'
import { checkOptions, is, type OptionCheck } from '../options.ts'
import type {
  AskOptions,
  BlobCapabilities,
  BlobDriver,
  BlobFacts,
  BlobRange,
  BlobSettings,
  BlobSource,
  BlobStore,
  DeleteOptions,
  DriverBlob,
  DriverGet,
  GetOptions,
  ListOptions,
  PutOptions,
  StoredBlob,
} from './blob-store.ts'
import {
  type Bytes,
  checkBytes,
  checked,
  collect,
  lengthOf,
  type Promised,
  streamOf,
  tooLarge,
} from './body.ts'
import { checkKey, checkPrefix } from './key.ts'
import { type Condition, Conditions } from './probe.ts'
import { retrying } from './retry.ts'

const etag = { expects: 'an etag', accepts: (value: unknown) => typeof value === 'string' && value !== '' }
const signal = { expects: 'an AbortSignal', accepts: (value: unknown) => value instanceof AbortSignal }
const natural = {
  expects: 'a number of bytes',
  accepts: (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0,
}
const ask = { signal }
const get = {
  ...ask,
  ifNoneMatch: etag,
  range: is.record({ start: natural, end: natural }),
}
const put = { ...ask, ifAbsent: is.boolean, ifMatch: etag, size: natural }

export class Front implements BlobStore {
  readonly #driver: BlobDriver
  readonly #settings: BlobSettings
  readonly #conditions: Conditions
  #closed: Promise<void> | undefined

  constructor(driver: BlobDriver, settings: BlobSettings) {
    this.#driver = driver
    this.#settings = settings
    this.#conditions = new Conditions(driver)
  }

  get uri(): string {
    return this.#driver.uri
  }

  get capabilities(): BlobCapabilities {
    return this.#conditions.capabilities
  }

  get(key: string, options?: GetOptions): Promise<StoredBlob | undefined>
  get(key: string, options: DriverGet): Promise<StoredBlob | 'unchanged' | undefined>
  async get(key: string, options: DriverGet = {}): Promise<StoredBlob | 'unchanged' | undefined> {
    this.#check(key, options, get, 'get')
    const { range } = options
    if (range !== undefined && !(range.start < (range.end ?? Number.POSITIVE_INFINITY)))
      throw new RangeError(`get: a range must have bytes, found ${range.start} to ${range.end}`)
    const found = await this.#retry(options, true, () => this.#driver.get(key, options))
    if (found === undefined || found === 'unchanged') return found
    return new Found(key, found, range, this.#named(key), this.#settings.maxSize)
  }

  async put(
    key: string,
    bytes: Uint8Array | ReadableStream<Uint8Array>,
    options: PutOptions = {},
  ): Promise<string | undefined> {
    this.#check(key, options, put, 'put')
    if (options.ifAbsent === true && options.ifMatch !== undefined)
      throw new TypeError('put: ifAbsent and ifMatch exclude each other')
    const source = this.#source(key, bytes, options.size)
    if (options.ifAbsent === true) await this.#demand('conditionalCreate', options)
    if (options.ifMatch !== undefined) await this.#demand('compareAndSwap', options)
    const write = () => this.#driver.put(key, source, options)
    // a stream can be read only once
    if (source.bytes === undefined) return await write()
    const conditional = options.ifAbsent === true || options.ifMatch !== undefined
    return await this.#retry(options, !conditional, write)
  }

  async head(key: string, options: AskOptions = {}): Promise<BlobFacts | undefined> {
    this.#check(key, options, ask, 'head')
    return await this.#retry(options, true, () => this.#driver.head(key, options))
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    this.#check(key, options, { ...ask, ifMatch: etag }, 'delete')
    if (options.ifMatch !== undefined) await this.#demand('conditionalDelete', options)
    await this.#retry(options, options.ifMatch === undefined, () => this.#driver.delete(key, options))
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<BlobFacts, void, undefined> {
    this.#open()
    checkPrefix(prefix)
    checkOptions(options, { ...ask, startAt: is.string }, 'list')
    if (options.startAt !== undefined) checkPrefix(options.startAt)
    if (!this.capabilities.listing)
      throw new BlobError('ERR_BLOB_UNSUPPORTED', `${this.uri} cannot list its blobs`)
    let last: string | undefined
    for await (const facts of this.#driver.list(prefix, options)) {
      options.signal?.throwIfAborted()
      if (last !== undefined && facts.key <= last)
        throw new BlobError('ERR_BLOB_REFUSED', `${this.uri} lists ${facts.key} after ${last}`)
      last = facts.key
      yield facts
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#driver.close()
    return this.#closed
  }

  #check(key: string, options: object, checks: Readonly<Record<string, OptionCheck>>, where: string): void {
    this.#open()
    checkKey(key)
    checkOptions(options, checks, where)
  }

  #open(): void {
    if (this.#closed !== undefined) throw new BlobError('ERR_BLOB_CLOSED', `${this.uri} is closed`)
  }

  #source(key: string, bytes: Uint8Array | ReadableStream<Uint8Array>, size?: number): BlobSource {
    const what = this.#named(key)
    const { maxSize } = this.#settings
    if (bytes instanceof Uint8Array) {
      if (size !== undefined && size !== bytes.length)
        throw new BlobError('ERR_BLOB_DAMAGED', `${what} has ${bytes.length} bytes, not ${size}`)
      if (bytes.length > maxSize) throw tooLarge(what, maxSize)
      return { bytes, size: bytes.length, stream: () => streamOf(bytes) }
    }
    if (!(bytes instanceof ReadableStream))
      throw new TypeError('put: expected a Uint8Array or a web stream of them')
    if (size !== undefined && size > maxSize) throw tooLarge(what, maxSize)
    return { size, stream: () => checked(bytes, { length: size, atMost: maxSize, what }) }
  }

  #named(key: string): string {
    return `${key} of ${this.uri}`
  }

  #demand(condition: Condition, { signal }: AskOptions): Promise<void> {
    return this.#conditions.demand(condition, (ask) => retrying(this.#settings, signal, true, ask))
  }

  #retry<T>({ signal }: AskOptions, repeatable: boolean, ask: () => Promise<T>): Promise<T> {
    return retrying(this.#settings, signal, repeatable, ask)
  }
}

class Found implements StoredBlob {
  readonly key: string
  readonly size: number
  readonly etag: string | undefined
  readonly modified: number | undefined
  readonly asOf: number | undefined
  readonly #found: DriverBlob
  readonly #promised: Promised & { readonly length: number }
  readonly #maxSize: number
  #body: Bytes | undefined

  constructor(key: string, found: DriverBlob, range: BlobRange | undefined, what: string, maxSize: number) {
    const { size, sha256 } = found
    this.key = key
    this.size = size
    this.etag = found.etag
    this.modified = found.modified
    this.asOf = found.asOf
    this.#found = found
    this.#promised = { length: lengthOf(size, range), sha256: range === undefined ? sha256 : undefined, what }
    this.#maxSize = maxSize
  }

  get body(): Bytes {
    this.#body ??= checked(this.#found.body, this.#promised)
    return this.#body
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const { length, what } = this.#promised
    if (length > this.#maxSize) {
      await this.cancel().catch(() => {})
      throw tooLarge(what, this.#maxSize)
    }
    // a stream takes longer than what it carries, if that is little
    if (this.#found.bytes === undefined || this.#body !== undefined) return await collect(this.body)
    const bytes = await this.#found.bytes(length)
    checkBytes(bytes, this.#promised)
    return bytes
  }

  cancel(): Promise<void> {
    return (this.#body ?? this.#found.body).cancel()
  }
}
