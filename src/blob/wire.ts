/**
 * One request over HTTP, byte for byte: nothing is decoded, and no silence lasts for ever. Says of each failure
 * whether the server can have done what it was asked.
 */
import { once } from 'node:events'
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { BlobError, messageOf } from '../errors.ts'
import type { BlobSource } from './blob-store.ts'
import { type Bytes, collect } from './body.ts'

export interface Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly source?: BlobSource
  readonly signal?: AbortSignal | undefined
  /** Whether to go where a GET or HEAD is sent. */
  readonly follow?: boolean
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** To be taken, or cancelled. */
  readonly body: Bytes
}

const MOST_REDIRECTS = 5
/** What a server may say in an error or a page of a listing. */
const LONGEST_TEXT = 16 << 20

export class Wire {
  readonly #timeout: number
  readonly #agents = {
    'http:': new http.Agent({ keepAlive: true }),
    'https:': new https.Agent({ keepAlive: true }),
  }

  constructor(timeout: number) {
    this.#timeout = timeout
  }

  async ask(request: Request): Promise<Answer> {
    let { url, headers } = request
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#once({ ...request, url, headers })
      const { location } = answer.headers
      const sent = [301, 302, 303, 307, 308].includes(answer.status) && location !== undefined
      if (!sent || !request.follow || !['GET', 'HEAD'].includes(request.method)) return answer
      await answer.body.cancel()
      const next = URL.canParse(location, url.href) ? new URL(location, url.href) : undefined
      if (redirects === MOST_REDIRECTS || next === undefined || !isAllowed(url, next))
        throw new BlobError('ERR_BLOB_REFUSED', `${shown(url)} sends elsewhere in a way that is not followed`)
      // credentials are for the server they were given for
      if (next.origin !== url.origin) {
        const { authorization: _, ...rest } = headers
        headers = rest
      }
      url = next
    }
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy()
  }

  async #once({ method, url, headers, source, signal }: Request): Promise<Answer> {
    signal?.throwIfAborted()
    const library = url.protocol === 'https:' ? https : http
    const size = source === undefined ? (method === 'PUT' || method === 'POST' ? 0 : undefined) : source.size
    const outgoing = library.request(url, {
      method,
      agent: this.#agents[url.protocol as 'http:'],
      headers: {
        'accept-encoding': 'identity',
        ...headers,
        ...(size === undefined ? {} : { 'content-length': String(size) }),
      },
    })
    let connected = false
    outgoing.once('socket', (socket) => {
      connected = !socket.connecting
      socket.once('connect', () => {
        connected = true
      })
    })
    let ended: unknown
    const end = (why: unknown): void => {
      ended ??= why
      outgoing.destroy()
    }
    // what is wrong is told by whatever waits for the answer or the body
    outgoing.on('error', () => {})
    const quiet = new Quiet(this.#timeout, () => end(silent(url, this.#timeout, !connected)))
    const abort = (): void => end(signal?.reason)
    signal?.addEventListener('abort', abort)
    const release = (): void => signal?.removeEventListener('abort', abort)
    try {
      const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
      quiet.start()
      if (source?.bytes !== undefined) outgoing.end(source.bytes)
      else if (source === undefined) outgoing.end()
      else upload(source.stream(), outgoing, quiet).catch(end)
      const [incoming] = await answered
      quiet.stop()
      const fail = (error: unknown): unknown => ended ?? cut(url, error)
      return {
        status: incoming.statusCode ?? 0,
        headers: incoming.headers,
        body: bodyOf(incoming, quiet, fail, release),
      }
    } catch (error) {
      quiet.stop()
      release()
      outgoing.destroy()
      if (ended !== undefined) throw ended
      throw new BlobError('ERR_BLOB_UNREACHABLE', `${shown(url)}: ${messageOf(error)}`, {
        cause: error,
        undone: !connected,
      })
    }
  }
}

/** Calls when nothing has happened for a while; stopped while it is not the server's turn. */
class Quiet {
  #timer: NodeJS.Timeout | undefined
  readonly #most: number
  readonly #expired: () => void

  constructor(most: number, expired: () => void) {
    this.#most = most
    this.#expired = expired
  }

  start(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#expired, this.#most)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}

async function upload(body: Bytes, outgoing: http.ClientRequest, quiet: Quiet): Promise<void> {
  for await (const chunk of body) {
    quiet.start()
    if (outgoing.destroyed) return
    if (!outgoing.write(chunk)) await Promise.race([once(outgoing, 'drain'), once(outgoing, 'close')])
  }
  quiet.start()
  outgoing.end()
}

function bodyOf(
  incoming: IncomingMessage,
  quiet: Quiet,
  fail: (error: unknown) => unknown,
  release: () => void,
): Bytes {
  const chunks = incoming[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  return new ReadableStream({
    async pull(controller) {
      quiet.start()
      try {
        const { done, value } = await chunks.next()
        if (!done) return controller.enqueue(value)
        release()
        controller.close()
      } catch (error) {
        release()
        throw fail(error)
      } finally {
        quiet.stop()
      }
    },
    cancel() {
      release()
      incoming.destroy()
    },
  })
}

const isAllowed = (from: URL, to: URL): boolean =>
  to.protocol === from.protocol || (from.protocol === 'http:' && to.protocol === 'https:')

const cut = (url: URL, error: unknown): BlobError =>
  new BlobError('ERR_BLOB_DAMAGED', `${shown(url)}: the connection ended before the body did`, {
    cause: error,
  })

const silent = (url: URL, timeout: number, undone: boolean): BlobError =>
  new BlobError('ERR_BLOB_UNREACHABLE', `${shown(url)} said nothing for ${timeout} ms`, { undone })

/** Without credentials, and without what signs a request. */
export const shown = (url: URL): string => `${url.origin}${url.pathname}`

/** All of what a server says, as text. */
export async function textOf({ body }: Answer): Promise<string> {
  let left = LONGEST_TEXT
  const bounded = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        left -= chunk.length
        if (left < 0) throw new BlobError('ERR_BLOB_REFUSED', 'the server says more than can be meant')
        controller.enqueue(chunk)
      },
    }),
  )
  return Buffer.from(await collect(bounded)).toString()
}

/** The error that a status means; what is said along with it is a part of its message. */
export async function refusal(answer: Answer, url: URL, maySucceedTwice = false): Promise<BlobError> {
  const { status, headers } = answer
  const said = (await textOf(answer).catch(() => '')).replaceAll(/\s+/g, ' ').trim().slice(0, 200)
  const message = `${shown(url)} answers ${status}${said === '' ? '' : `: ${said}`}`
  if (status === 401 || status === 403 || status === 407) return new BlobError('ERR_BLOB_DENIED', message)
  if (status === 412) return new BlobError('ERR_BLOB_PRECONDITION', message)
  if (status === 413) return new BlobError('ERR_BLOB_TOO_LARGE', message)
  if (status === 501 || status === 405) return new BlobError('ERR_BLOB_UNSUPPORTED', message)
  const undone = status === 429 || status === 503 || maySucceedTwice
  if (status === 408 || undone || status >= 500) {
    const retryAfter = waitOf(headers['retry-after'])
    return new BlobError('ERR_BLOB_UNREACHABLE', message, {
      undone,
      ...(retryAfter === undefined ? {} : { retryAfter }),
    })
  }
  return new BlobError('ERR_BLOB_REFUSED', message)
}

/** `Retry-After`: seconds, or when. */
function waitOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined
}
