/**
 * Opens a store by its URI. What a kind of store needs is loaded when the first of its kind is opened.
 */
import { bytes, checkOptions, is, milliseconds, type OptionCheck, suggestion } from '../options.ts'
import type { BlobDriver, BlobSettings, BlobStore, BlobStoreOptions } from './blob-store.ts'
import { Front } from './front.ts'

/** Makes the driver for a URI of a scheme. The URI may hold credentials: they must not show in the driver's `uri`. */
export type OpenBlobDriver = (uri: URL, settings: BlobSettings) => BlobDriver | Promise<BlobDriver>

const schemes = new Map<string, OpenBlobDriver>([
  ['memory', async (uri) => (await import('./memory.ts')).openMemory(uri)],
  ['file', async (uri, settings) => (await import('./file.ts')).openFile(uri, settings)],
  ['http', async (uri, settings) => (await import('./http.ts')).openHttp(uri, settings)],
  ['https', async (uri, settings) => (await import('./http.ts')).openHttp(uri, settings)],
  ['s3', async (uri, settings) => (await import('./s3.ts')).openS3(uri, settings)],
  ['az', async (uri, settings) => (await import('./az.ts')).openAz(uri, settings)],
  ['redis', async (uri, settings) => (await import('./redis.ts')).openRedis(uri, settings)],
  ['rediss', async (uri, settings) => (await import('./redis.ts')).openRedis(uri, settings)],
])

const natural = {
  expects: 'zero or a positive integer',
  accepts: (value: unknown) => value === 0 || is.count.accepts(value),
}
const OPTIONS: Readonly<Record<keyof BlobStoreOptions, OptionCheck>> = {
  timeout: is.duration,
  retries: natural,
  retryDelay: is.duration,
  maxSize: is.size,
  partSize: is.size,
  connections: is.count,
  token: is.string,
  user: is.string,
  password: is.string,
  endpoint: is.string,
  region: is.string,
  accessKeyId: is.string,
  secretAccessKey: is.string,
  sessionToken: is.string,
  pathStyle: is.boolean,
  accountKey: is.string,
  client: { expects: 'a client', accepts: (value) => typeof value === 'object' && value !== null },
}

/**
 * The store at a URI, such as `file:///var/cache/blobs`. Nothing is asked of a server before the first use.
 * @throws TypeError for a URI or an option that cannot be.
 */
export async function openBlobStore(uri: string, options: BlobStoreOptions = {}): Promise<BlobStore> {
  checkOptions(options, OPTIONS, 'openBlobStore')
  const url = typeof uri === 'string' && URL.canParse(uri) ? new URL(uri) : undefined
  if (url === undefined)
    throw new TypeError('openBlobStore: expected a URI such as "file:///var/cache/blobs"')
  const scheme = url.protocol.slice(0, -1)
  const open = schemes.get(scheme)
  if (open === undefined)
    throw new TypeError(`openBlobStore: unknown scheme "${scheme}"${suggestion(scheme, [...schemes.keys()])}`)
  const { timeout, retries, retryDelay, maxSize, partSize, connections, ...rest } = options
  const settings: BlobSettings = {
    ...rest,
    timeout: milliseconds(timeout ?? '10s'),
    retries: retries ?? 2,
    retryDelay: milliseconds(retryDelay ?? 100),
    maxSize: bytes(maxSize ?? '1GiB'),
    partSize: bytes(partSize ?? '8MiB'),
    connections: connections ?? 64,
  }
  return new Front(await open(url, settings), settings)
}

/** Another kind of store, or another one in place of ours. `scheme` is without its colon. */
export function registerBlobStore(scheme: string, open: OpenBlobDriver): void {
  if (typeof scheme !== 'string' || !/^[a-z][a-z0-9+.-]*$/.test(scheme))
    throw new TypeError('registerBlobStore: a scheme has lower-case letters, digits and + . - only')
  if (typeof open !== 'function') throw new TypeError('registerBlobStore: expected a function that opens')
  schemes.set(scheme, open)
}
