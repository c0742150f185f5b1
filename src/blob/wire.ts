/** Requests to one server after another over connections that are kept, and what its refusals mean. */
import http from 'node:http'
import https from 'node:https'
import { BlobError } from '../errors.ts'
import type { BlobSettings } from './blob-store.ts'
import { type Answer, exchange, type Request, type Shared, shown } from './exchange.ts'

const MOST_REDIRECTS = 5
/** What a server may say in an error or a page of a listing. */
const LONGEST_TEXT = 16 << 20
/** Milliseconds after which an idle connection is closed: before most servers do, as a request may be on its way then. */
const IDLE = 4000

export class Wire {
  readonly #shared: Readonly<Record<string, Shared>>

  constructor({ timeout, connections }: BlobSettings) {
    const options = { keepAlive: true, maxSockets: connections, timeout: IDLE }
    this.#shared = {
      'http:': { agent: new http.Agent(options), timeout, moved: 0 },
      'https:': { agent: new https.Agent(options), timeout, moved: 0 },
    }
  }

  /** `follow`: whether to go where a GET or HEAD is sent. */
  async ask(request: Request, follow = false): Promise<Answer> {
    let { url, headers } = request
    for (let redirects = 0; ; redirects++) {
      request.signal?.throwIfAborted()
      const answer = await exchange({ ...request, url, headers }, this.#shared[url.protocol]!)
      const { location } = answer.headers
      const sent = [301, 302, 303, 307, 308].includes(answer.status) && location !== undefined
      if (!sent || !follow || !['GET', 'HEAD'].includes(request.method)) return answer
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
    for (const { agent } of Object.values(this.#shared)) agent.destroy()
  }
}

const isAllowed = (from: URL, to: URL): boolean =>
  to.protocol === from.protocol || (from.protocol === 'http:' && to.protocol === 'https:')

/** All of what a server says, as text. */
export async function textOf({ body }: Answer): Promise<string> {
  const bytes = await body.bytes(LONGEST_TEXT)
  if (bytes.length > LONGEST_TEXT)
    throw new BlobError('ERR_BLOB_REFUSED', 'the server says more than can be meant')
  return Buffer.from(bytes.buffer).toString()
}

/** The error that a status means; what is said along with it is a part of its message. `what` was asked for. */
export async function refusal(answer: Answer, what: string): Promise<BlobError> {
  const { status, headers } = answer
  const said = (await textOf(answer).catch(() => '')).replaceAll(/\s+/g, ' ').trim().slice(0, 200)
  const message = `${what} answers ${status}${said === '' ? '' : `: ${said}`}`
  if (status === 401 || status === 403 || status === 407) return new BlobError('ERR_BLOB_DENIED', message)
  if (status === 412) return new BlobError('ERR_BLOB_PRECONDITION', message)
  if (status === 413) return new BlobError('ERR_BLOB_TOO_LARGE', message)
  if (status === 501 || status === 405) return new BlobError('ERR_BLOB_UNSUPPORTED', message)
  const busy = status === 429 || status === 503
  if (status === 408 || busy || status >= 500) {
    const retryAfter = waitOf(headers['retry-after'])
    return new BlobError('ERR_BLOB_UNREACHABLE', message, {
      undone: busy,
      busy,
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
