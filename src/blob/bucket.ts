/**
 * What S3 and Azure have in common: blobs of one bucket or container below a prefix, over signed HTTP, with digests
 * noted beside them, large streams written in parts, and listings in pages.
 */
import { BlobError } from '../errors.ts'
import { blobOf, conditionHeaders, factsOf, pastEnd, readHeaders } from './answers.ts'
import {
  type AskOptions,
  type BlobCapabilities,
  type BlobDriver,
  type BlobFacts,
  type BlobSettings,
  type BlobSource,
  type DeleteOptions,
  type ListOptions,
  type PutOptions,
  UNPROBED,
} from './blob-store.ts'
import { bytesOf, pieces, sha256Of, streamOf } from './body.ts'
import type { Answer, Request } from './exchange.ts'
import { checkKey } from './key.ts'
import { retrying } from './retry.ts'
import { refusal, textOf, Wire } from './wire.ts'

export type Headers = Readonly<Record<string, string>>
export type Query = Readonly<Record<string, string>>
/** One request to the service. `key` undefined: to the bucket itself. */
export interface Call {
  readonly method: Request['method']
  readonly key?: string
  readonly query?: Query
  readonly headers?: Headers
  readonly bytes?: Uint8Array
  /** Of the bytes, in hex, if known. */
  readonly sha256?: string
  /** Not to be repeated unless it is known not to have happened. */
  readonly once?: boolean
  readonly signal?: AbortSignal | undefined
}
export type Ask = (call: Call) => Promise<Answer>

/** What one of the services does in its own way. `key`s include the prefix. */
export interface Service {
  readonly uri: string
  /** Ends with a slash, unless it is empty. */
  readonly prefix: string
  readonly signed: (call: Call) => Promise<{ readonly url: URL; readonly headers: Headers }>
  /** Header of the digest, in hex. */
  readonly digestHeader: string
  /** What every write of a whole blob says. */
  readonly putHeaders: Headers
  /** The statuses, beside 412, of a condition that does not hold, or that another write was in the way. */
  readonly meaning: (status: number, said: string) => 'precondition' | 'busy' | undefined
  /** Writes parts as they come, and makes them a blob; what it throws leaves none. */
  readonly putParts: (
    ask: Ask,
    key: string,
    parts: AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ) => Promise<string | undefined>
  /** How to ask for a page, and what is in it. */
  readonly listQuery: (prefix: string, startAt: string, mark: string | undefined) => Query
  readonly page: (xml: string) => { readonly blobs: readonly BlobFacts[]; readonly mark: string | undefined }
}

export class BucketDriver implements BlobDriver {
  readonly uri: string
  readonly capabilities: BlobCapabilities = UNPROBED
  readonly #service: Service
  readonly #settings: BlobSettings
  readonly #wire: Wire

  constructor(service: Service, settings: BlobSettings) {
    this.uri = service.uri
    this.#service = service
    this.#settings = settings
    this.#wire = new Wire(settings)
  }

  async get(...[key, options]: Parameters<BlobDriver['get']>): ReturnType<BlobDriver['get']> {
    const { signal, range } = options
    const answer = await this.#ask({ method: 'GET', key, headers: readHeaders(options), signal })
    const { status, headers } = answer
    if (status === 416 && range !== undefined) return await pastEnd(answer, () => this.head(key, options))
    if (status === 404) return await absent(answer, this.uri)
    if (![200, 206, 304].includes(status)) throw await this.#refused(answer, key, false)
    const digest = headers[this.#service.digestHeader]
    const sha256 = typeof digest === 'string' ? digest : undefined
    return await blobOf(key, answer, options, this.#settings.maxSize, sha256)
  }

  async head(key: string, { signal }: AskOptions): Promise<BlobFacts | undefined> {
    const answer = await this.#ask({ method: 'HEAD', key, signal })
    if (answer.status === 404) return await absent(answer, this.uri)
    if (answer.status !== 200) throw await this.#refused(answer, key, false)
    await answer.body.cancel()
    return factsOf(key, answer)
  }

  async put(key: string, source: BlobSource, options: PutOptions): Promise<string | undefined> {
    const { partSize } = this.#settings
    const conditions = conditionHeaders(options)
    const isConditional = Object.keys(conditions).length > 0
    // a server that honours conditions of one write may not do so when it puts parts together
    if (source.bytes !== undefined || isConditional)
      return await this.#putWhole(key, await bytesOf(source), conditions, options)
    const parts = pieces(source.stream(), partSize)
    const first = await parts.next()
    if (first.done || first.value.length < partSize)
      return await this.#putWhole(key, first.value ?? new Uint8Array(), {}, options)
    return await this.#service.putParts(
      // parts may be written twice, and are of no effect before they are put together, which is done once
      (call) => retrying(this.#settings, options.signal, call.once !== true, () => this.#done(call)),
      key,
      joined(first.value, parts),
      options.signal,
    )
  }

  async delete(key: string, { signal, ifMatch }: DeleteOptions): Promise<void> {
    const headers = ifMatch === undefined ? {} : { 'if-match': ifMatch }
    const answer = await this.#ask({ method: 'DELETE', key, headers, signal })
    if (answer.status === 404 && ifMatch === undefined) return void (await absent(answer, this.uri))
    if (answer.status > 299) throw await this.#refused(answer, key, ifMatch !== undefined)
    await answer.body.cancel()
  }

  async *list(prefix: string, { signal, startAt = '' }: ListOptions): AsyncGenerator<BlobFacts> {
    const { prefix: above, listQuery, page } = this.#service
    let mark: string | undefined
    do {
      const query = listQuery(above + prefix, startAt && above + startAt, mark)
      const xml = await retrying(this.#settings, signal, true, async () =>
        textOf(await this.#done({ method: 'GET', query, signal })),
      )
      const found = page(xml)
      for (const facts of found.blobs) {
        const key = facts.key.slice(above.length)
        if (facts.key.startsWith(above + prefix) && key >= startAt && isKey(key)) yield { ...facts, key }
      }
      mark = found.mark
    } while (mark !== undefined && mark !== '')
  }

  async close(): Promise<void> {
    this.#wire.close()
  }

  async #putWhole(key: string, bytes: Uint8Array, conditions: Headers, { signal }: PutOptions) {
    const { digestHeader, putHeaders } = this.#service
    const sha256 = sha256Of(bytes)
    const headers = { ...putHeaders, [digestHeader]: sha256, ...conditions }
    const answer = await this.#ask({ method: 'PUT', key, headers, bytes, sha256, signal })
    if (answer.status > 299) throw await this.#refused(answer, key, Object.keys(conditions).length > 0)
    await answer.body.cancel()
    return answer.headers.etag
  }

  /** An answer that is what was asked for. */
  async #done(call: Call): Promise<Answer> {
    const answer = await this.#ask(call)
    if (answer.status < 300) return answer
    throw await this.#refused(answer, call.key ?? '', false)
  }

  async #refused(answer: Answer, key: string, isConditional: boolean): Promise<BlobError> {
    const error = await refusal(answer, `${this.uri}/${key}`)
    const meaning = this.#service.meaning(answer.status, error.message)
    if (meaning === 'busy') return new BlobError('ERR_BLOB_UNREACHABLE', error.message, { undone: true })
    // what is gone no longer has the etag
    const gone = isConditional && answer.status === 404 && !NOWHERE.test(error.message)
    if (gone || (isConditional && meaning === 'precondition'))
      return new BlobError('ERR_BLOB_PRECONDITION', error.message)
    return error
  }

  async #ask(call: Call): Promise<Answer> {
    const { prefix, signed } = this.#service
    const { method, signal, bytes } = call
    const { url, headers } = await signed({
      ...call,
      ...(call.key !== undefined && { key: prefix + call.key }),
    })
    const source = bytes && { bytes, size: bytes.length, stream: () => streamOf(bytes) }
    return await this.#wire.ask({ method, url, headers, signal, ...(source && { source }) })
  }
}

/** `prefix/` of the path of a URI. */
export function prefixOf(path: string): string {
  const prefix = path.replace(/^\/+/, '')
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
}

/** As it is signed, so that nobody has to encode it again. */
export const encoded = (key: string): string => key.split('/').map(encodeURIComponent).join('/')

/** The same of a query: not as forms are. */
export const searchOf = (query: Query = {}): string =>
  Object.entries(query)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&')

const NOWHERE = /NoSuchBucket|ContainerNotFound/

/** There is no such blob; but if there is no such bucket, somebody should know. */
async function absent(answer: Answer, uri: string): Promise<undefined> {
  const said = await textOf(answer)
  if (NOWHERE.test(said) || answer.headers['x-ms-error-code'] === 'ContainerNotFound')
    throw new BlobError('ERR_BLOB_REFUSED', `${uri} does not exist`)
}

async function* joined(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  yield* rest
}

function isKey(key: string): boolean {
  try {
    checkKey(key)
    return true
  } catch {
    // somebody else's
    return false
  }
}
