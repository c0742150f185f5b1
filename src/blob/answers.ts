/**
 * Blobs over HTTP, as far as all servers agree: what reading and conditions look like in headers.
 */
import { BlobError } from '../errors.ts'
import type { BlobFacts, BlobRange, DriverBlob, GetOptions, PutOptions } from './blob-store.ts'
import { type Bytes, collect, cutStream, streamOf, tooLarge } from './body.ts'
import type { Answer } from './wire.ts'

type Get = GetOptions & { readonly ifNoneMatch?: string | undefined }

/** What a GET says of its options. */
export const readHeaders = ({ range, ifNoneMatch }: Get): Record<string, string> => ({
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
  const [written, now] = [headers['last-modified'], headers.date].map((time) => Date.parse(time ?? ''))
  const length = headers['content-length']
  return {
    key,
    size: length === undefined ? Number.NaN : Number(length),
    etag: headers.etag,
    modified: Number.isNaN(written) ? undefined : written,
    ...(Number.isNaN(now) ? {} : { asOf: now }),
  }
}

/**
 * What a GET gave, if its status was 200, 206 or 304. A server that ignores a range or a condition is set right here.
 * `sha256` is that of the whole blob, if a header has it.
 */
export async function blobOf(
  key: string,
  answer: Answer,
  { range, ifNoneMatch }: Get,
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
  if (status === 206) return { ...whole, size: await rangeSize(key, answer, range), body }
  const { size, all } = await sized(facts.size, body, maxSize, key)
  return { ...whole, size, body: range === undefined ? all : cutStream(all, range) }
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

/** Where the server does not say how long the body is, it is read. */
async function sized(
  size: number,
  body: Bytes,
  maxSize: number,
  key: string,
): Promise<{ size: number; all: Bytes }> {
  if (!Number.isNaN(size)) return { size, all: body }
  let left = maxSize
  const bounded = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        left -= chunk.length
        if (left < 0) throw tooLarge(key, maxSize)
        controller.enqueue(chunk)
      },
    }),
  )
  const bytes = await collect(bounded)
  return { size: bytes.length, all: streamOf(bytes) }
}
