/**
 * A plain store over HTTP: GET, HEAD, PUT and DELETE of paths below a URL, as build caches use. What the server can
 * do beyond that is found out.
 */
import { BlobError } from '../errors.ts'
import { blobOf, conditionHeaders, factsOf, pastEnd, readHeaders } from './answers.ts'
import {
  type AskOptions,
  type BlobCapabilities,
  type BlobDriver,
  type BlobFacts,
  type BlobSettings,
  type DeleteOptions,
  UNPROBED,
} from './blob-store.ts'
import { type Answer, type Request, shown } from './exchange.ts'
import { refusal, Wire } from './wire.ts'

/** `https://host/path/`. Credentials come from the options, or from the URI, of which they are no longer a part. */
export function openHttp(url: URL, settings: BlobSettings): HttpDriver {
  return new HttpDriver(url, settings)
}

class HttpDriver implements BlobDriver {
  readonly uri: string
  readonly capabilities: BlobCapabilities = { ...UNPROBED, listing: false }
  readonly #base: URL
  readonly #settings: BlobSettings
  readonly #wire: Wire
  readonly #credentials: Readonly<Record<string, string>>

  constructor(url: URL, settings: BlobSettings) {
    this.#base = new URL(url)
    this.#base.username = this.#base.password = ''
    if (!this.#base.pathname.endsWith('/')) this.#base.pathname += '/'
    this.uri = shown(this.#base)
    this.#settings = settings
    this.#wire = new Wire(settings)
    const user = settings.user ?? decodeURIComponent(url.username)
    const password = settings.password ?? decodeURIComponent(url.password)
    const basic = user === '' && password === '' ? undefined : Buffer.from(`${user}:${password}`)
    if (settings.token !== undefined) this.#credentials = { authorization: `Bearer ${settings.token}` }
    else if (basic) this.#credentials = { authorization: `Basic ${basic.toString('base64')}` }
    else this.#credentials = {}
  }

  async get(...[key, options]: Parameters<BlobDriver['get']>): ReturnType<BlobDriver['get']> {
    const answer = await this.#ask('GET', key, readHeaders(options), options)
    if (await isAbsent(answer)) return undefined
    if (answer.status === 416 && options.range !== undefined)
      return await pastEnd(answer, () => this.head(key, options))
    if (![200, 206, 304].includes(answer.status)) throw await refusal(answer, this.#shown(key))
    return await blobOf(key, answer, options, this.#settings.maxSize)
  }

  async head(key: string, options: AskOptions): Promise<BlobFacts | undefined> {
    const answer = await this.#ask('HEAD', key, {}, options)
    if (await isAbsent(answer)) return undefined
    if (answer.status !== 200) throw await refusal(answer, this.#shown(key))
    await answer.body.cancel()
    const facts = factsOf(key, answer)
    if (!Number.isNaN(facts.size)) return facts
    throw new BlobError('ERR_BLOB_REFUSED', `${key} of ${this.uri}: the server does not say its size`)
  }

  async put(...[key, source, options]: Parameters<BlobDriver['put']>): ReturnType<BlobDriver['put']> {
    const conditions = conditionHeaders(options)
    const answer = await this.#ask('PUT', key, conditions, { ...options, source })
    if (answer.status < 200 || answer.status > 299)
      throw await this.#refused(answer, key, Object.keys(conditions).length > 0)
    await answer.body.cancel()
    return answer.headers.etag
  }

  async delete(key: string, options: DeleteOptions): Promise<void> {
    const answer = await this.#ask('DELETE', key, conditionHeaders(options), options)
    const absent = await isAbsent(answer)
    if (absent && options.ifMatch === undefined) return
    if (absent) throw new BlobError('ERR_BLOB_PRECONDITION', `there is no ${key} of ${this.uri}`)
    if (answer.status < 200 || answer.status > 299)
      throw await this.#refused(answer, key, options.ifMatch !== undefined)
    await answer.body.cancel()
  }

  list(): AsyncIterable<BlobFacts> {
    throw new BlobError('ERR_BLOB_UNSUPPORTED', `${this.uri} cannot list its blobs`)
  }

  async close(): Promise<void> {
    this.#wire.close()
  }

  /** Some servers say 409 for a condition that does not hold, or 404 where the blob is gone. */
  async #refused(answer: Answer, key: string, conditional: boolean): Promise<BlobError> {
    const error = await refusal(answer, this.#shown(key))
    if (!conditional || (answer.status !== 409 && answer.status !== 404)) return error
    return new BlobError('ERR_BLOB_PRECONDITION', error.message)
  }

  #ask(
    method: Request['method'],
    key: string,
    headers: Readonly<Record<string, string>>,
    { signal, source }: Pick<Request, 'signal' | 'source'>,
  ): Promise<Answer> {
    const request = { method, url: this.#urlOf(key), headers: { ...this.#credentials, ...headers }, signal }
    return this.#wire.ask(source === undefined ? request : { ...request, source }, true)
  }

  #shown(key: string): string {
    return this.uri + key
  }

  #urlOf(key: string): URL {
    // keys have nothing that would have to be encoded
    return new URL(`${this.#base.origin}${this.#base.pathname}${key}${this.#base.search}`)
  }
}

async function isAbsent({ status, body }: Answer): Promise<boolean> {
  if (status !== 404 && status !== 410) return false
  await body.cancel()
  return true
}
