/**
 * Blobs over HTTP, as far as all servers agree: what reading and conditions look like in headers.
 */
import { BlobError } from '../errors.ts'
import type { BlobFacts, BlobRange, DriverBlob, DriverGet, PutOptions } from './blob-store.ts'
import { cutBytes, cutStream, streamOf, tooLarge } from './body.ts'
import type { Answer } from './exchange.ts'

/** What a GET says of its options. */
export const readHeaders = ({ range, ifNoneMatch }: DriverGet): Record<string, string> => ({
  ...(range && { range: `bytes=${range.start}-${range.end === undefined ? '' : range.end - 1}` }),
  ...(ifNoneMatch !== undefined && { 'if-none-match': ifNoneMatch }),
})

/** What a PUT or DELETE says of its conditions. */
export const conditionHeaders = ({ ifAbsent, ifMatch }: PutOptions): Record<string, string> => ({
  ...(ifAbsent && { 'if-none-match': '*' }),
  ...(ifMatch !== undefined && { 'if-match': ifMatch }),
})

/** What a HEAD or GET says of a whole blob. */
export function factsOf(key: string, { headers }: Answer): BlobFacts {
  const written = Date.parse(headers['last-modified'] ?? '')
  const now = Date.parse(headers.date ?? '')
  const length = headers['content-length']
  // a cache on the way answers with the date that the server gave, and for how long it has had that
  const cached = Number(headers.age) * 1000 || 0
  return {
    key,
    size: length === undefined ? Number.NaN : Number(length),
    etag: headers.etag,
    modified: Number.isNaN(written) ? undefined : written,
    ...(Number.isNaN(now) ? {} : { asOf: now + cached }),
  }
}

/**
 * What a GET gave, if its status was 200, 206 or 304. A server that ignores a range or a condition is set right here.
 * `sha256` is that of the whole blob, if a header has it.
 */
export async function blobOf(
  key: string,
  answer: Answer,
  { range, ifNoneMatch }: DriverGet,
  maxSize: number,
  sha256?: string,
): Promise<DriverBlob | 'unchanged'> {
  const { status, headers, body } = answer
  const encoding = headers['content-encoding'] ?? 'identity'
  const facts = factsOf(key, answer)
  if (status === 304 || (ifNoneMatch !== undefined && facts.etag === ifNoneMatch)) {
    await body.cancel()
    return 'unchanged'
  }
  // nobody can tell whether the bytes were written like this, or are now disguised
  if (encoding !== 'identity') {
    await body.cancel()
    throw new BlobError('ERR_BLOB_REFUSED', `${key}: the server sends the body as ${encoding}`)
  }
  const whole = { etag: facts.etag, modified: facts.modified, asOf: facts.asOf, sha256 }
  if (status === 206) return flowing({ ...whole, size: await rangeSize(key, answer, range) }, body)
  if (!Number.isNaN(facts.size)) {
    if (range !== undefined) return { ...whole, size: facts.size, body: cutStream(body.stream(), range) }
    return flowing({ ...whole, size: facts.size }, body)
  }
  // where the server does not say how long the body is, it is read
  const bytes = await body.bytes(maxSize)
  if (bytes.length > maxSize) throw tooLarge(key, maxSize)
  return { ...whole, size: bytes.length, body: streamOf(cutBytes(bytes, range)) }
}

const flowing = (facts: Omit<DriverBlob, 'body'>, body: Answer['body']): DriverBlob => ({
  ...facts,
  get body() {
    return body.stream()
  },
  bytes: (most) => body.bytes(most),
})

/** A range that begins after the end has no bytes, if there is such a blob at all. */
export async function pastEnd(
  { body }: Answer,
  head: () => Promise<BlobFacts | undefined>,
): Promise<DriverBlob | undefined> {
  await body.cancel()
  const facts = await head()
  return facts && { ...facts, body: streamOf(new Uint8Array()) }
}

async function rangeSize(
  key: string,
  { headers, body }: Answer,
  range: BlobRange | undefined,
): Promise<number> {
  const [, start, , total] = /^bytes (\d+)-(-?\d+)\/(\d+)$/.exec(headers['content-range'] ?? '') ?? []
  // of an empty blob azurite sends the bytes from 0 to -1
  if (range !== undefined && Number(start) === range.start && total !== undefined) return Number(total)
  await body.cancel()
  throw new BlobError('ERR_BLOB_REFUSED', `${key}: the server sends another range than was asked for`)
}
