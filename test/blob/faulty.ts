/** Stands before a real server and does harm to what passes, one fault a request, in turn. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { listening, type Server } from './http-server.js'

export type Fault =
  | 'none'
  /** Answers this, and the server never hears of it. */
  | { readonly status: number; readonly headers?: Record<string, string> }
  /** The server never hears of it, and nobody answers. */
  | 'silent'
  /** The server does it, and the answer is lost. */
  | 'lost'
  /** Half of the body, then the end, then nothing. */
  | 'cut'
  | 'stuck'
  /** One byte of the body is another one. */
  | 'altered'
  /** Half of the body, with a length to match. */
  | 'truncated'
  | 'other etag'
  /** The connection ends before the request is read; the server never hears of it. */
  | 'reset'
  /** The answer comes this much later. */
  | { readonly delay: number }
  /** The server's clock is wrong by this much. Milliseconds. */
  | { readonly skew: number }

export interface Faulty extends Server {
  /** Faults of the requests to come; then there are none. */
  readonly faults: Fault[]
  /** The fault of each request for which there is none of these. */
  rule: (method: string, url: string) => Fault
  /** How many requests came. */
  asked: number
}

export async function faulty(upstream: string): Promise<Faulty> {
  const faults: Fault[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    proxy.asked++
    const fault = faults.shift() ?? proxy.rule(request.method ?? '', request.url ?? '')
    if (fault === 'reset') return void request.destroy()
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (fault === 'silent') return
    if (typeof fault === 'object' && 'delay' in fault) await setTimeout(fault.delay)
    if (typeof fault === 'object' && 'status' in fault) {
      response.writeHead(fault.status, fault.headers).end('no')
      return
    }
    const { status, headers, body } = await passed(upstream, request, Buffer.concat(chunks))
    if (fault === 'lost') response.destroy()
    if (typeof fault === 'object' && 'skew' in fault && headers.date !== undefined)
      headers.date = new Date(Date.parse(headers.date) + fault.skew).toUTCString()
    if (fault === 'altered' && body.length > 0) body[body.length - 1]! ^= 1
    if (fault === 'other etag' && headers.etag !== undefined) headers.etag = '"another"'
    const half = body.subarray(0, body.length >> 1)
    if (fault === 'truncated') headers['content-length'] = String(half.length)
    response.writeHead(status, headers)
    if (fault === 'cut') response.write(half, () => response.destroy())
    else if (fault === 'stuck') response.write(half)
    else response.end(fault === 'truncated' ? half : body)
  }
  const proxy: Faulty = { ...(await listening(answer)), faults, rule: () => 'none', asked: 0 }
  return proxy
}

function passed(upstream: string, { method, url, headers }: IncomingMessage, sent: Buffer) {
  const target = new URL(upstream)
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; body: Buffer }>(
    (resolve, reject) => {
      // the path as it came, since it may be signed, as is the name of the host
      const request = http.request({ host: target.hostname, port: target.port, method, path: url, headers })
      request.on('error', reject).on('response', async (answer) => {
        const chunks: Buffer[] = []
        for await (const chunk of answer) chunks.push(chunk as Buffer)
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) })
      })
      request.end(sent)
    },
  )
}
