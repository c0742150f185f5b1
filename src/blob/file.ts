/**
 * Blobs in a directory, which many processes may share. A blob is one file: a line of facts, then its bytes. It is
 * written beside, and renamed into place under a lock that checks the condition: readers see the old one or the new
 * one, whole. The digest in the file tells what a power failure or somebody's editor made of it.
 *
 * Conditions hold between all processes of a machine; over a network as well as its mount keeps the locks of files.
 */
import { createHash, randomUUID } from 'node:crypto'
import { closeSync, openSync, readSync, renameSync, unlinkSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BlobError, messageOf } from '../errors.ts'
import {
  type BlobCapabilities,
  type BlobDriver,
  type BlobFacts,
  type BlobRange,
  type BlobSettings,
  type BlobSource,
  CAPABLE,
  changed,
  type ListOptions,
} from './blob-store.ts'
import { type Bytes, lengthOf, streamOf } from './body.ts'
import { FileLock } from './file-lock.ts'
import { OWN, pathOf, segmentOf } from './file-name.ts'

/** `permafrost-blob 1 <etag> <sha256> <size, padded>\n` */
const HEADER = /^permafrost-blob 1 ([0-9a-f-]{36}) ([0-9a-f]{64}) +(\d{1,15})\n$/
const HEADER_LENGTH = 18 + 37 + 65 + 16 + 1
const headerOf = (etag: string, sha256: string, size: number): string =>
  `permafrost-blob 1 ${etag} ${sha256} ${String(size).padStart(16)}\n`

/** Blobs up to this size are read at once, so that no file stays open until somebody takes the body. */
const AT_ONCE = 1 << 20
const DAY = 86_400_000

/** `file:///absolute/path`; the directory is made at the first write. */
export async function openFile(url: URL, settings: BlobSettings): Promise<FileDriver> {
  const root = fileURLToPath(url)
  const driver = new FileDriver(url.href, root, settings)
  await driver.sweep()
  return driver
}

interface Opened {
  readonly file: FileHandle
  readonly size: number
  readonly etag: string
  readonly sha256: string
  readonly modified: number
}

class FileDriver implements BlobDriver {
  readonly uri: string
  readonly capabilities: BlobCapabilities = { ...CAPABLE, serverClock: false }
  readonly #root: string
  readonly #own: string
  readonly #lock: FileLock

  constructor(uri: string, root: string, { timeout }: BlobSettings) {
    this.uri = uri
    this.#root = root
    this.#own = join(root, OWN)
    this.#lock = new FileLock(join(this.#own, 'lock'), timeout)
  }

  /** What writers that died left behind a day ago or earlier. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.#own).catch(() => [])) {
      const path = join(this.#own, name)
      const facts = name === 'lock' ? undefined : await stat(path).catch(() => undefined)
      // a store opens whatever lies there
      if (facts !== undefined && Date.now() - facts.mtimeMs > DAY) await rm(path).catch(() => {})
    }
  }

  async get(
    ...[key, { range, ifNoneMatch, signal }]: Parameters<BlobDriver['get']>
  ): ReturnType<BlobDriver['get']> {
    signal?.throwIfAborted()
    const found = await this.#worded(key, () => this.#find(key))
    if (found === undefined) return undefined
    const { file, ...facts } = found
    if (facts.etag === ifNoneMatch) {
      await file.close()
      return 'unchanged' as const
    }
    return { ...facts, body: await bodyOf(file, facts.size, range, signal) }
  }

  async head(key: string): Promise<BlobFacts | undefined> {
    const found = await this.#worded(key, () => this.#find(key))
    if (found === undefined) return undefined
    await found.file.close()
    return { key, size: found.size, etag: found.etag, modified: found.modified }
  }

  async put(
    ...[key, source, { ifAbsent, ifMatch, signal }]: Parameters<BlobDriver['put']>
  ): ReturnType<BlobDriver['put']> {
    const [draft, etag] = [join(this.#own, randomUUID()), randomUUID()]
    const path = join(this.#root, pathOf(key))
    try {
      await this.#worded(key, async () => {
        await mkdir(this.#own, { recursive: true })
        await mkdir(dirname(path), { recursive: true })
      })
      await writeDraft(draft, etag, source, signal)
      return await this.#worded(key, async () =>
        this.#lock.hold(() => {
          if (ifAbsent || ifMatch !== undefined) this.#demand(key, path, ifAbsent ? undefined : ifMatch)
          renameSync(draft, path)
          return etag
        }),
      )
    } catch (error) {
      await rm(draft, { force: true }).catch(() => {})
      throw error instanceof Error && 'syscall' in error ? this.#wordsFor(key, error) : error
    }
  }

  async delete(...[key, { ifMatch }]: Parameters<BlobDriver['delete']>): Promise<void> {
    const path = join(this.#root, pathOf(key))
    await this.#worded(key, async () => {
      await mkdir(this.#own, { recursive: true })
      this.#lock.hold(() => {
        if (ifMatch !== undefined) this.#demand(key, path, ifMatch)
        try {
          unlinkSync(path)
        } catch (error) {
          if (!isMissing(error)) throw error
        }
      })
    })
  }

  async *list(prefix: string, { startAt = '' }: ListOptions): AsyncGenerator<BlobFacts> {
    yield* this.#walk(this.#root, '', prefix, startAt)
  }

  async close(): Promise<void> {
    this.#lock.close()
  }

  async *#walk(folder: string, above: string, prefix: string, startAt: string): AsyncGenerator<BlobFacts> {
    const found: { segment: string; name: string }[] = []
    const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
      if (isMissing(error)) return []
      throw this.#wordsFor(above, error)
    })
    for (const entry of entries) {
      const segment = segmentOf(entry.name, entry.isDirectory())
      if (segment !== undefined) found.push({ segment, name: entry.name })
    }
    // a folder counts with its slash, so `a-b` comes before `a/b` as it does among keys
    found.sort((one, other) => (one.segment < other.segment ? -1 : 1))
    for (const { segment, name } of found) {
      const key = above + segment
      if (!key.startsWith(prefix) && !(segment.endsWith('/') && prefix.startsWith(key))) continue
      if (key < startAt && !startAt.startsWith(key)) continue
      if (segment.endsWith('/')) yield* this.#walk(join(folder, name), key, prefix, startAt)
      else if (key >= startAt) {
        const facts = await this.#listed(key, join(folder, name))
        if (facts !== undefined) yield facts
      }
    }
  }

  /** A damaged one is listed without an etag, so that it can be found and deleted. */
  async #listed(key: string, path: string): Promise<BlobFacts | undefined> {
    try {
      return await this.head(key)
    } catch (error) {
      if (!(error instanceof BlobError) || error.code !== 'ERR_BLOB_DAMAGED') throw error
      const facts = await stat(path).catch(() => undefined)
      return facts && { key, size: facts.size, etag: undefined, modified: facts.mtimeMs }
    }
  }

  async #find(key: string): Promise<Opened | undefined> {
    const file = await open(join(this.#root, pathOf(key))).catch((error) => {
      if (isMissing(error)) return undefined
      throw error
    })
    if (file === undefined) return undefined
    try {
      const { buffer } = await file.read(Buffer.alloc(HEADER_LENGTH), 0, HEADER_LENGTH, 0)
      const facts = await file.stat()
      const [, etag, sha256, length] = HEADER.exec(buffer.toString('latin1')) ?? []
      const size = Number(length)
      if (etag === undefined || sha256 === undefined || facts.size !== HEADER_LENGTH + size)
        throw new BlobError('ERR_BLOB_DAMAGED', `${key} of ${this.uri} is not as it was written`)
      return { file, size, etag, sha256, modified: facts.mtimeMs }
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Called under the lock. `etag` undefined: there must be no such file. */
  #demand(key: string, path: string, etag: string | undefined): void {
    if (etagAt(path) === etag) return
    throw changed(key, this.uri)
  }

  async #worded<T>(key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw this.#wordsFor(key, error)
    }
  }

  #wordsFor(key: string, error: unknown): unknown {
    if (error instanceof BlobError) return error
    const { code } = error as NodeJS.ErrnoException
    const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
    return new BlobError(
      denied ? 'ERR_BLOB_DENIED' : 'ERR_BLOB_UNREACHABLE',
      `${key} of ${this.uri}: ${messageOf(error)}`,
      { cause: error, undone: true },
    )
  }
}

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')

/** The etag of the blob in this file; `''` if it is damaged, undefined if there is none. */
function etagAt(path: string): string | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  try {
    const header = Buffer.alloc(HEADER_LENGTH)
    readSync(file, header, 0, HEADER_LENGTH, 0)
    return HEADER.exec(header.toString('latin1'))?.[1] ?? ''
  } finally {
    closeSync(file)
  }
}

async function writeDraft(path: string, etag: string, source: BlobSource, signal?: AbortSignal) {
  await using file = disposable(await open(path, 'wx'))
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of source.bytes === undefined ? source.stream() : [source.bytes]) {
    signal?.throwIfAborted()
    hash.update(chunk)
    for (let written = 0; written < chunk.length; ) {
      const { bytesWritten } = await file.handle.write(
        chunk,
        written,
        chunk.length - written,
        HEADER_LENGTH + size + written,
      )
      written += bytesWritten
    }
    size += chunk.length
  }
  await file.handle.write(headerOf(etag, hash.digest('hex'), size), 0)
}

const disposable = (handle: FileHandle): AsyncDisposable & { readonly handle: FileHandle } => ({
  handle,
  [Symbol.asyncDispose]: () => handle.close(),
})

async function bodyOf(
  file: FileHandle,
  size: number,
  range: BlobRange | undefined,
  signal: AbortSignal | undefined,
): Promise<Bytes> {
  let at = HEADER_LENGTH + (range?.start ?? 0)
  let left = lengthOf(size, range)
  const next = async (most: number): Promise<Uint8Array> => {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(most), 0, most, at)
    at += bytesRead
    left -= bytesRead
    return buffer.subarray(0, bytesRead)
  }
  if (left <= AT_ONCE) {
    await using _ = disposable(file)
    return streamOf(await next(left))
  }
  return new ReadableStream({
    async pull(controller) {
      try {
        signal?.throwIfAborted()
        const chunk = await next(Math.min(left, AT_ONCE))
        if (chunk.length > 0) controller.enqueue(chunk)
        if (chunk.length > 0 && left > 0) return
        await file.close()
        controller.close()
      } catch (error) {
        await file.close().catch(() => {})
        throw error
      }
    },
    cancel: () => file.close(),
  })
}
