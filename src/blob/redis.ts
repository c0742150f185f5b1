/**
 * Blobs in Redis: a hash for each, and one sorted set of all keys for listings. Each write is one script, which Redis
 * runs alone, so conditions hold among all clients. A blob is in memory as a whole, here and there.
 */
import { randomUUID } from 'node:crypto'
import { BlobError, messageOf } from '../errors.ts'
import {
  type AskOptions,
  type BlobCapabilities,
  type BlobDriver,
  type BlobFacts,
  type BlobSettings,
  CAPABLE,
  changed,
  type DeleteOptions,
  type ListOptions,
  listed,
} from './blob-store.ts'
import { bytesOf, streamOf } from './body.ts'
import { peer } from './peer.ts'
import { retrying } from './retry.ts'

/** Sends one command, and gives texts as bytes. */
type Send = (...command: (string | Buffer)[]) => Promise<unknown>

interface Client {
  readonly send: Send
  readonly close: () => Promise<void>
}

/** As much of `ioredis` as is used. */
interface IoRedis {
  callBuffer(name: string, ...args: (string | Buffer)[]): Promise<unknown>
}

/** As much of `redis` as is used. */
interface NodeRedis {
  withTypeMapping(mapping: object): { sendCommand(command: (string | Buffer)[]): Promise<unknown> }
}

// KEYS: the blob, the set of all. Conditions: '' for none, '-' for absent, '=etag'.
const HOLDS = `
local etag = redis.call('HGET', KEYS[1], 'etag')
if ARGV[1] == '-' and etag then return 0 end
if string.sub(ARGV[1], 1, 1) == '=' and etag ~= string.sub(ARGV[1], 2) then return 0 end
`
// its own clock, in milliseconds
const NOW = `(function (now) return now[1] .. string.format('%03d', math.floor(now[2] / 1000)) end)(redis.call('TIME'))`
const PUT = `${HOLDS}
redis.call('HSET', KEYS[1], 'bytes', ARGV[4], 'etag', ARGV[3], 'size', #ARGV[4], 'modified', ${NOW})
redis.call('ZADD', KEYS[2], 0, ARGV[2])
return 1`
const DELETE = `${HOLDS}
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
return 1`
// ARGV: the etag that is known, and where the range begins and ends, as Lua counts
const HEAD = `
local facts = redis.call('HMGET', KEYS[1], 'etag', 'size', 'modified')
if not facts[1] then return false end
facts[4] = ${NOW}
`
const GET = `${HEAD}
if facts[1] == ARGV[1] then return facts end
local bytes = redis.call('HGET', KEYS[1], 'bytes')
if ARGV[2] ~= '' then bytes = string.sub(bytes, tonumber(ARGV[2]), tonumber(ARGV[3])) end
facts[5] = bytes
return facts`
const PAGE = 200

/** `redis://host:port/database?prefix=name`, `rediss:` with TLS; or a client that is handed over. */
export async function openRedis(url: URL, settings: BlobSettings): Promise<RedisDriver> {
  const client = settings.client === undefined ? await connect(url, settings) : adopted(settings.client)
  const prefix = url.searchParams.get('prefix') ?? 'permafrost'
  return new RedisDriver(
    `${url.protocol}//${url.host}${url.pathname}?prefix=${prefix}`,
    prefix,
    client,
    settings,
  )
}

class RedisDriver implements BlobDriver {
  readonly uri: string
  readonly capabilities: BlobCapabilities = CAPABLE
  readonly #client: Client
  readonly #settings: BlobSettings
  readonly #blob: string
  readonly #all: string

  constructor(uri: string, prefix: string, client: Client, settings: BlobSettings) {
    this.uri = uri
    this.#client = client
    this.#settings = settings
    // braces keep both on one node of a cluster
    this.#blob = `{${prefix}}:blob:`
    this.#all = `{${prefix}}:keys`
  }

  async get(...[key, options]: Parameters<BlobDriver['get']>): ReturnType<BlobDriver['get']> {
    const { range, ifNoneMatch, signal } = options
    const from = range === undefined ? '' : String(range.start + 1)
    const reply = await this.#ask(
      signal,
      'EVAL',
      GET,
      '1',
      this.#blob + key,
      ifNoneMatch ?? '',
      from,
      String(range?.end ?? -1),
    )
    if (reply === null) return undefined
    const [etag, size, modified, asOf, bytes] = reply as Buffer[]
    if (bytes === undefined) return 'unchanged'
    const facts = { etag: String(etag), size: Number(size), modified: Number(modified), asOf: Number(asOf) }
    // as Lua counts, a range that begins after the end has what it should: nothing
    return { ...facts, body: streamOf(bytes) }
  }

  async head(key: string, { signal }: AskOptions): Promise<BlobFacts | undefined> {
    const reply = await this.#ask(signal, 'EVAL', `${HEAD}return facts`, '1', this.#blob + key)
    if (reply === null) return undefined
    const [etag, size, modified, asOf] = reply as Buffer[]
    return { key, etag: String(etag), size: Number(size), modified: Number(modified), asOf: Number(asOf) }
  }

  async put(...[key, source, options]: Parameters<BlobDriver['put']>): ReturnType<BlobDriver['put']> {
    const { ifAbsent, ifMatch, signal } = options
    const condition = ifAbsent ? '-' : ifMatch === undefined ? '' : `=${ifMatch}`
    const bytes = await bytesOf(source)
    const etag = randomUUID()
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    await this.#write(key, PUT, [condition, key, etag, buffer], signal)
    return etag
  }

  async delete(key: string, { ifMatch, signal }: DeleteOptions): Promise<void> {
    await this.#write(key, DELETE, [ifMatch === undefined ? '' : `=${ifMatch}`, key], signal)
  }

  async *list(prefix: string, { startAt = '', signal }: ListOptions): AsyncGenerator<BlobFacts> {
    let from = `[${startAt > prefix ? startAt : prefix}`
    for (;;) {
      const page = (await retrying(this.#settings, signal, true, () =>
        this.#ask(signal, 'ZRANGEBYLEX', this.#all, from, `[${prefix}\xff`, 'LIMIT', '0', String(PAGE)),
      )) as Buffer[]
      const keys = page.map(String)
      const facts = await retrying(this.#settings, signal, true, () =>
        Promise.all(keys.map((key) => this.head(key, signal ? { signal } : {}))),
      )
      for (const one of facts) if (one !== undefined) yield listed(one)
      if (keys.length < PAGE) return
      from = `(${keys.at(-1)}`
    }
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  async #write(key: string, script: string, args: (string | Buffer)[], signal: AbortSignal | undefined) {
    const reply = await this.#ask(signal, 'EVAL', script, '2', this.#blob + key, this.#all, ...args)
    if (Number(reply) !== 1) throw changed(key, this.uri)
  }

  async #ask(signal: AbortSignal | undefined, ...command: (string | Buffer)[]): Promise<unknown> {
    signal?.throwIfAborted()
    const { timeout } = this.#settings
    let [abort, timer] = [(): void => {}, undefined as NodeJS.Timeout | undefined]
    const ended = new Promise<never>((_, reject) => {
      abort = () => reject(signal?.reason)
      timer = setTimeout(() => {
        reject(new BlobError('ERR_BLOB_UNREACHABLE', `${this.uri} said nothing for ${timeout} ms`))
      }, timeout)
    })
    signal?.addEventListener('abort', abort)
    try {
      return await Promise.race([this.#client.send(...command), ended])
    } catch (error) {
      if (signal?.aborted || error instanceof BlobError) throw error
      throw wordsFor(error)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }
}

function wordsFor(error: unknown, unsent = false): BlobError {
  const said = messageOf(error)
  if (/^(?:NOAUTH|WRONGPASS|NOPERM)/.test(said))
    return new BlobError('ERR_BLOB_DENIED', `Redis: ${said}`, { cause: error })
  const undone = unsent || /^(?:LOADING|BUSY|OOM|READONLY|MASTERDOWN|CLUSTERDOWN)/.test(said)
  return new BlobError('ERR_BLOB_UNREACHABLE', `Redis: ${said}`, { cause: error, undone })
}

/** A client that somebody else opened, and will close. */
function adopted(client: unknown): Client {
  const { callBuffer, withTypeMapping } = client as Partial<IoRedis & NodeRedis>
  const close = async (): Promise<void> => {}
  if (typeof callBuffer === 'function') {
    const ioredis = client as IoRedis
    return { send: (name, ...args) => ioredis.callBuffer(String(name), ...args), close }
  }
  if (typeof withTypeMapping !== 'function')
    throw new TypeError('openBlobStore: expected the "client" to be one of redis (5 or later) or ioredis')
  // 36 is "$", the type of texts on the wire
  const redis = (client as NodeRedis).withTypeMapping({ 36: Buffer })
  return { send: (...command) => redis.sendCommand(command), close }
}

async function connect(url: URL, { user, password, timeout }: BlobSettings): Promise<Client> {
  const { createClient } = await peer('redis', 'redis:', () => import('redis'))
  const address = new URL(url)
  address.search = ''
  const client = createClient({
    url: address.href,
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    // what cannot be sent now fails now, and is known not to have been sent
    disableOfflineQueue: true,
    // the next command connects again
    socket: { connectTimeout: timeout, reconnectStrategy: false },
  })
  // every command tells of it
  client.on('error', () => {})
  let connecting: Promise<unknown> | undefined
  const { send } = adopted(client)
  return {
    send: async (...command) => {
      if (!client.isOpen) connecting = client.connect()
      try {
        await connecting
      } catch (error) {
        throw wordsFor(error, true)
      }
      return await send(...command)
    },
    close: async () => {
      if (client.isOpen) client.destroy()
    },
  }
}
