/** A store over HTTP for tests, on a free port of the loopback. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Server {
  readonly url: string
  close(): Promise<void>
}

export async function listening(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<Server> {
  const server = http.createServer((request, response) => {
    Promise.resolve(answer(request, response)).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export interface Manners {
  /** What it makes of conditional writes. */
  readonly conditions?: 'honoured' | 'ignored' | 'refused'
  readonly etags?: boolean
  readonly ranges?: boolean
  /** Answers 409 for a condition that does not hold. */
  readonly conflict?: boolean
  /** Says no length. */
  readonly chunked?: boolean
  readonly authorization?: string
}

export interface Held {
  readonly bytes: Buffer
  readonly etag: string
  readonly modified: string
  readonly meta: Record<string, string>
}

export const httpStore = (manners: Manners = {}): Promise<Server> => listening(answering(manners))

/** The store itself, with what it holds by path, for servers that do more than this one. */
export function answering(
  manners: Manners,
  held: Map<string, Held> = new Map(),
): Parameters<typeof listening>[0] {
  const { conditions = 'honoured', etags = true, ranges = true, conflict, chunked, authorization } = manners
  let count = 0
  return async (request, response) => {
    const { method, headers } = request
    const url = decodeURIComponent(request.url ?? '')
    if (authorization !== undefined && headers.authorization !== authorization)
      return response.writeHead(401).end()
    const present = held.get(url)
    const facts = present && {
      ...present.meta,
      'last-modified': present.modified,
      ...(etags && { etag: present.etag }),
    }
    const isConditional = headers['if-match'] !== undefined || headers['if-none-match'] !== undefined
    const fails = (now: Held | undefined): boolean =>
      (headers['if-none-match'] === '*' && now !== undefined) ||
      (headers['if-match'] !== undefined && headers['if-match'] !== now?.etag)
    if (method === 'GET' || method === 'HEAD') {
      if (present === undefined) return response.writeHead(404).end('none')
      if (etags && headers['if-none-match'] === present.etag) return response.writeHead(304, facts).end()
      const [, from, to] = (ranges && /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '')) || []
      const { length } = present.bytes
      if (from !== undefined && Number(from) >= length) return response.writeHead(416).end()
      const last = from === undefined || to === '' ? length - 1 : Math.min(length - 1, Number(to))
      const part = present.bytes.subarray(Number(from ?? 0), last + 1)
      response.writeHead(from === undefined ? 200 : 206, {
        ...facts,
        ...(!(chunked && method === 'GET') && { 'content-length': part.length }),
        ...(from !== undefined && { 'content-range': `bytes ${from}-${last}/${length}` }),
      })
      return response.end(method === 'HEAD' ? undefined : part)
    }
    const chunks: Buffer[] = []
    // a request that is cut throws here, so nothing is kept of it
    for await (const chunk of request) chunks.push(chunk as Buffer)
    // others may have written while this one was on its way, so the condition is checked now
    if (isConditional && conditions === 'refused') return response.writeHead(501).end()
    if (isConditional && conditions === 'honoured' && fails(held.get(url)))
      return response.writeHead(conflict ? 409 : 412).end()
    if (method === 'DELETE') return response.writeHead(held.delete(url) ? 204 : 404).end()
    const bytes = Buffer.concat(chunks)
    const etag = `"${++count}-${createHash('md5').update(bytes).digest('hex')}"`
    const digest = headers['x-amz-meta-sha256']
    const meta = { ...(digest && { 'x-amz-meta-sha256': String(digest) }) }
    held.set(url, { bytes, etag, modified: new Date().toUTCString(), meta })
    return response.writeHead(201, etags ? { etag } : {}).end()
  }
}
