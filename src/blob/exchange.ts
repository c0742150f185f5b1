/**
 * One request over HTTP and its answer, byte for byte: nothing is decoded, no silence lasts for ever, and the
 * connection serves the next request as soon as this one is done with it.
 */
import http, { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { BlobError, messageOf } from '../errors.ts'
import type { BlobSource } from './blob-store.ts'
import { type Bytes, joined } from './body.ts'

export interface Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly source?: BlobSource
  readonly signal?: AbortSignal | undefined
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Body
}

/** What requests of one wire share. */
export interface Shared {
  readonly agent: http.Agent
  /** Milliseconds of silence until a server is given up. */
  readonly timeout: number
  /** When something last moved on any connection, in milliseconds of the monotonic clock. */
  moved: number
}

/** Up to this size, a body is read whether anybody wants it or not: its connection is worth more. */
const SMALL = 64 << 10

/** Sends the request. What is thrown says whether the server can have done it. */
export function exchange(request: Request, shared: Shared): Promise<Answer> {
  return new Exchange(request, shared).answer
}

class Exchange {
  readonly answer: Promise<Answer>
  readonly #url: URL
  readonly #shared: Shared
  readonly #signal: AbortSignal | undefined
  readonly #outgoing: ClientRequest
  #reject: (why: unknown) => void = () => {}
  #incoming: IncomingMessage | undefined
  #assigned = false
  #connected = false
  /** Why it was given up, in an object since that may be anything. */
  #ended: { readonly why: unknown } | undefined
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor({ method, url, headers, source, signal }: Request, shared: Shared) {
    this.#url = url
    this.#shared = shared
    this.#signal = signal
    const isWrite = method === 'PUT' || method === 'POST'
    const size = source === undefined ? (isWrite ? 0 : undefined) : source.size
    const isSecure = url.protocol === 'https:'
    this.#outgoing = (isSecure ? https : http).request(url, {
      method,
      agent: shared.agent,
      headers: {
        'accept-encoding': 'identity',
        ...headers,
        ...(size === undefined ? {} : { 'content-length': String(size) }),
      },
    })
    this.#outgoing.once('socket', (socket) => {
      this.#assigned = true
      this.#connected = !socket.connecting
      if (socket.connecting)
        socket.once(isSecure ? 'secureConnect' : 'connect', () => {
          this.#connected = true
        })
      shared.moved = performance.now()
      if (this.#timer !== undefined) this.#wait()
    })
    signal?.addEventListener('abort', this.#abort)
    this.answer = this.#asked(source)
  }

  async #asked(source: BlobSource | undefined): Promise<Answer> {
    const outgoing = this.#outgoing
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      this.#reject = reject
      outgoing.once('response', resolve)
      // what is wrong later is told by the body
      outgoing.on('error', reject)
    })
    try {
      this.#wait()
      let uploaded: Promise<unknown> | undefined
      if (source?.bytes !== undefined) outgoing.end(source.bytes)
      else if (source === undefined) outgoing.end()
      else uploaded = this.#upload(source.stream()).catch((error) => this.#end(error))
      const incoming = await answered
      this.#incoming = incoming
      const status = incoming.statusCode ?? 0
      // it may have all of the bytes before we know that there are no more
      if (status < 300) await uploaded
      this.#rest()
      if (this.#ended !== undefined) throw this.#ended.why
      return { status, headers: incoming.headers, body: new Body(incoming, this.#reading(incoming)) }
    } catch (error) {
      this.#release()
      outgoing.destroy()
      if (this.#ended !== undefined) throw this.#ended.why
      throw new BlobError('ERR_BLOB_UNREACHABLE', `${shown(this.#url)}: ${messageOf(error)}`, {
        cause: error,
        undone: !this.#connected,
      })
    }
  }

  async #upload(source: Bytes): Promise<void> {
    const outgoing = this.#outgoing
    const reader = source.getReader()
    // whoever gave up wants no more of it
    outgoing.once('close', () => void reader.cancel().catch(() => {}))
    for (;;) {
      // a source that is slow is no server that is silent
      this.#rest()
      const { done, value } = await reader.read()
      // a refusal need not wait for the rest
      if (outgoing.destroyed || (this.#incoming?.statusCode ?? 0) >= 300) return await reader.cancel()
      this.#heard()
      if (done) return void outgoing.end()
      if (!outgoing.write(value)) await drained(outgoing)
    }
  }

  /** What the body tells us while it is read, and what it asks. */
  #reading(incoming: IncomingMessage): Reading {
    return {
      wait: () => this.#heard(),
      rest: () => this.#rest(),
      done: () => {
        this.#release()
        if (!incoming.complete) incoming.destroy()
        // the rest of what was refused is not worth sending
        if (!this.#outgoing.writableEnded) this.#outgoing.destroy()
      },
      wrong: (error) => {
        if (this.#ended !== undefined) return this.#ended.why
        if (error === undefined) return undefined
        const message = `${shown(this.#url)}: the connection ended before the body did`
        return new BlobError('ERR_BLOB_DAMAGED', message, { cause: error })
      },
    }
  }

  readonly #abort = (): void => this.#end(this.#signal?.reason)

  #end(why: unknown): void {
    // the connection may be somebody else's by now
    if (this.#isOver) return
    this.#ended ??= { why }
    this.#reject(why)
    this.#outgoing.destroy()
  }

  #release(): void {
    this.#isOver = true
    this.#rest()
    this.#signal?.removeEventListener('abort', this.#abort)
  }

  /** It is not the server's turn. */
  #rest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #heard(): void {
    this.#shared.moved = performance.now()
    this.#wait()
  }

  #wait(): void {
    if (this.#isOver) return
    if (this.#timer === undefined) this.#timer = setTimeout(this.#expired, this.#shared.timeout)
    else this.#timer.refresh()
  }

  readonly #expired = (): void => {
    const { timeout, moved } = this.#shared
    // as long as others are served, our turn will come
    if (!this.#assigned && performance.now() - moved < timeout) return this.#wait()
    const what = this.#assigned ? 'said nothing' : 'had no connection to spare'
    const message = `${shown(this.#url)} ${what} for ${timeout} ms`
    this.#end(new BlobError('ERR_BLOB_UNREACHABLE', message, { undone: !this.#connected }))
  }
}

interface Reading {
  /** It is the server's turn. */
  wait(): void
  /** It is the reader's. */
  rest(): void
  done(): void
  /** What to say, given what the connection says; undefined if nothing is wrong. */
  wrong(error?: unknown): unknown
}

/** The body of an answer: taken as bytes or as a stream, once, or cancelled. */
export class Body {
  readonly #incoming: IncomingMessage
  readonly #reading: Reading
  #all: Promise<Uint8Array<ArrayBuffer>> | undefined

  constructor(incoming: IncomingMessage, reading: Reading) {
    this.#incoming = incoming
    this.#reading = reading
    if (Number(incoming.headers['content-length']) <= SMALL) this.bytes(SMALL).catch(() => {})
  }

  /** All of it; but once there are more than `most` bytes it ends with those. */
  bytes(most: number): Promise<Uint8Array<ArrayBuffer>> {
    this.#all ??= this.#read(most)
    return this.#all
  }

  stream(): Bytes {
    const all = this.#all
    if (all !== undefined)
      return new ReadableStream(
        {
          async pull(controller) {
            const bytes = await all
            if (bytes.length > 0) controller.enqueue(bytes)
            controller.close()
          },
          cancel: () => this.cancel(),
        },
        { highWaterMark: 0 },
      )
    const chunks = this.#incoming[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
    const { wait, rest, done: finished, wrong } = this.#reading
    return new ReadableStream(
      {
        async pull(controller) {
          wait()
          try {
            const { done, value } = await chunks.next()
            if (wrong() !== undefined) throw wrong()
            rest()
            if (!done) return controller.enqueue(value)
            finished()
            controller.close()
          } catch (error) {
            finished()
            throw wrong(error)
          }
        },
        cancel: () => finished(),
      },
      { highWaterMark: 0 },
    )
  }

  /** Nothing of it is wanted. What is short is read all the same, so that the connection can be used again. */
  async cancel(): Promise<void> {
    await this.bytes(SMALL).catch(() => {})
  }

  #read(most: number): Promise<Uint8Array<ArrayBuffer>> {
    const { wait, done, wrong } = this.#reading
    const chunks: Uint8Array[] = []
    let [length, isOver] = [0, false]
    return new Promise((resolve, reject) => {
      const end = (error?: unknown): void => {
        if (isOver) return
        isOver = true
        done()
        const why = wrong(error)
        if (why === undefined) resolve(joined(chunks, length))
        else reject(why)
      }
      this.#incoming
        .on('data', (chunk: Uint8Array) => {
          if (isOver) return
          wait()
          chunks.push(chunk)
          length += chunk.length
          if (length > most) end()
        })
        .on('end', () => end())
        .on('error', end)
        .on('close', () => end(new Error('closed')))
      if (this.#incoming.destroyed) end(new Error('closed'))
      else wait()
    })
  }
}

/** Without credentials, and without what signs a request. */
export const shown = (url: URL): string => `${url.origin}${url.pathname}`

/** When it takes more, or nothing any more. */
const drained = (outgoing: ClientRequest): Promise<void> =>
  new Promise((resolve) => {
    const go = (): void => {
      outgoing.off('drain', go)
      outgoing.off('close', go)
      resolve()
    }
    outgoing.on('drain', go)
    outgoing.on('close', go)
  })
