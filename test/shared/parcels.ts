/** Results in a blob store as a tier puts them there, and stores whose time is told by the test. */
import type { BlobStore } from 'permafrost/blob'
import { type Header, pack, pieceOf, type SigningKey } from '#src/shared/parcel.js'
import { objectKey, placeOf, resultOf } from '#src/shared/place.js'

export interface Made {
  readonly key: string
  readonly memo: string
  readonly blob: Buffer
  readonly objects: readonly string[]
}

export interface Wanted {
  readonly pipelineId?: string
  readonly functionId?: string
  readonly payload?: Uint8Array
  readonly leaves?: readonly Uint8Array[]
  readonly signingKey?: SigningKey
  readonly more?: Partial<Header>
}

/** The result of the n-th call of a function. */
export function parcel(n: number, wanted: Wanted = {}): Made & { readonly leaves: readonly Uint8Array[] } {
  const { functionId = 'f', leaves = [], more = {}, pipelineId = 'test', signingKey } = wanted
  const payload = wanted.payload ?? Buffer.from(`payload ${n}`)
  const place = placeOf({
    pipelineId,
    functionId,
    version: 1,
    code: '0'.repeat(64) as never,
    given: n.toString(16).padStart(64, '0') as never,
  })
  const header: Header = {
    memo: place.memo,
    codec: 'cbor1',
    async: false,
    threw: false,
    computeTime: 12,
    createdAt: 1000,
    sentAt: 2000,
    expiresAt: null,
    payload: pieceOf(payload),
    leaves: leaves.map(pieceOf),
    about: { name: functionId, by: 'ada', host: 'tower', pid: 1, node: 'v20', permafrost: '1', code: 'c' },
    ...more,
  }
  const blob = pack(header, payload, signingKey)
  const objects = header.leaves.map(({ sha256 }) => objectKey(sha256))
  return { key: resultOf(place), memo: place.memo, blob, objects, leaves }
}

/** The same, put there. */
export async function put(store: BlobStore, n: number, wanted: Wanted = {}): Promise<Made> {
  const made = parcel(n, wanted)
  for (const [at, key] of made.objects.entries()) await store.put(key, made.leaves[at]!)
  await store.put(made.key, made.blob)
  return made
}

export const DAY = 86_400_000

/** A store that goes by this clock, as one with a clock of its own does; each request waits for its `turn`. */
export function timed(
  inner: BlobStore,
  now: () => number,
  turn: (what: string) => Promise<unknown> = async () => undefined,
): BlobStore {
  const written = new Map<string, number>()
  const own: Partial<BlobStore> = {
    get: (async (key: string, options = {}) => {
      await turn('get')
      const found = await inner.get(key, options)
      if (found === undefined || (found as unknown) === 'unchanged') return found
      const { body, etag, size } = found
      const facts = { key, etag, size, modified: written.get(key), asOf: now() }
      return { ...facts, body, bytes: () => found.bytes(), cancel: () => found.cancel() }
    }) as BlobStore['get'],
    head: async (key) => {
      await turn('head')
      const found = await inner.head(key)
      return found && { ...found, modified: written.get(key), asOf: now() }
    },
    put: async (key, bytes, options = {}) => {
      await turn(`put ${key}`)
      const etag = await inner.put(key, bytes, options)
      written.set(key, now())
      return etag
    },
    delete: async (key, options = {}) => {
      await turn('delete')
      await inner.delete(key, options)
    },
    async *list(prefix, options = {}) {
      await turn('list')
      for await (const facts of inner.list(prefix, options)) {
        yield { ...facts, modified: written.get(facts.key) }
        await turn('list')
      }
    },
  }
  return new Proxy(inner, {
    get: (target, name) => {
      const value: unknown = Reflect.get(own, name) ?? Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
