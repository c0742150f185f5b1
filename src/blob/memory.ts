/**
 * Blobs of this process: for tests, and as the plainest example of a driver. Stores of one name are one store.
 */
import { randomUUID } from 'node:crypto'
import {
  type BlobCapabilities,
  type BlobDriver,
  type BlobFacts,
  type BlobSource,
  CAPABLE,
  changed,
  type ListOptions,
  listed,
} from './blob-store.ts'
import { bytesOf, cutBytes, streamOf } from './body.ts'

interface Held {
  readonly bytes: Uint8Array
  readonly etag: string
  readonly modified: number
}

const named = new Map<string, Map<string, Held>>()

/** `memory:` is a store of its own, `memory:name` one that all who name it share. */
export function openMemory(url: URL): MemoryDriver {
  const name = url.pathname
  const held = named.get(name) ?? new Map<string, Held>()
  if (name !== '') named.set(name, held)
  return new MemoryDriver(url.href, held)
}

class MemoryDriver implements BlobDriver {
  readonly uri: string
  readonly capabilities: BlobCapabilities = CAPABLE
  readonly #held: Map<string, Held>

  constructor(uri: string, held: Map<string, Held>) {
    this.uri = uri
    this.#held = held
  }

  async get(
    ...[key, { range, ifNoneMatch, signal }]: Parameters<BlobDriver['get']>
  ): ReturnType<BlobDriver['get']> {
    signal?.throwIfAborted()
    const found = this.#held.get(key)
    if (found === undefined) return undefined
    const { bytes, etag, modified } = found
    if (etag === ifNoneMatch) return 'unchanged' as const
    const facts = { size: bytes.length, etag, modified, asOf: Date.now() }
    return { ...facts, body: streamOf(new Uint8Array(cutBytes(bytes, range))) }
  }

  async put(
    ...[key, source, { ifAbsent, ifMatch, signal }]: Parameters<BlobDriver['put']>
  ): ReturnType<BlobDriver['put']> {
    const bytes = await copyOf(source)
    signal?.throwIfAborted()
    this.#demand(key, ifAbsent ? undefined : ifMatch, ifAbsent)
    const etag = randomUUID()
    this.#held.set(key, { bytes, etag, modified: Date.now() })
    return etag
  }

  async head(key: string): Promise<BlobFacts | undefined> {
    const found = this.#held.get(key)
    if (found === undefined) return undefined
    const { bytes, etag, modified } = found
    return { key, size: bytes.length, etag, modified, asOf: Date.now() }
  }

  async delete(...[key, { ifMatch }]: Parameters<BlobDriver['delete']>): Promise<void> {
    this.#demand(key, ifMatch)
    this.#held.delete(key)
  }

  async *list(prefix: string, { startAt = '' }: ListOptions): AsyncGenerator<BlobFacts> {
    for (const key of [...this.#held.keys()].sort()) {
      if (!key.startsWith(prefix) || key < startAt) continue
      const facts = await this.head(key)
      if (facts !== undefined) yield listed(facts)
    }
  }

  async close(): Promise<void> {}

  #demand(key: string, ifMatch: string | undefined, ifAbsent = false): void {
    const etag = this.#held.get(key)?.etag
    if (ifAbsent ? etag !== undefined : ifMatch !== undefined && etag !== ifMatch)
      throw changed(key, this.uri)
  }
}

// `slice` of a Buffer would be no copy
const copyOf = async (source: BlobSource): Promise<Uint8Array> => new Uint8Array(await bytesOf(source))
