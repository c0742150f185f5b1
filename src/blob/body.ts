/**
 * Bytes that flow: counted, compared with what was promised, cut, collected.
 */
import { createHash, hash } from 'node:crypto'
import { BlobError } from '../errors.ts'
import type { BlobRange, BlobSource } from './blob-store.ts'

export type Bytes = ReadableStream<Uint8Array>

/** A stream of these bytes. */
export function streamOf(bytes: Uint8Array): Bytes {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes)
      controller.close()
    },
  })
}

/** The bytes of a range, without copying. */
export const cutBytes = (bytes: Uint8Array, range: BlobRange | undefined): Uint8Array =>
  range === undefined ? bytes : bytes.subarray(range.start, range.end)

/** How many bytes of a blob of `size` bytes a range has. */
export const lengthOf = (size: number, range: BlobRange | undefined): number =>
  range === undefined ? size : Math.max(0, Math.min(size, range.end ?? size) - range.start)

/** What a stream must turn out to be. */
export interface Promised {
  readonly length?: number | undefined
  readonly atMost?: number
  readonly sha256?: string | undefined
  /** For messages. */
  readonly what: string
}

/** The same bytes, failing rather than ending with others than promised. */
export function checked(body: Bytes, promised: Promised): Bytes {
  const digest = promised.sha256 === undefined ? undefined : createHash('sha256')
  let count = 0
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        count += chunk.length
        checkMost(count, promised)
        digest?.update(chunk)
        controller.enqueue(chunk)
      },
      flush: () => checkEnd(count, digest?.digest('hex'), promised),
    }),
  )
}

/** The same of bytes that are all there. */
export function checkBytes(bytes: Uint8Array, promised: Promised): void {
  checkMost(bytes.length, promised)
  checkEnd(bytes.length, promised.sha256 && sha256Of(bytes), promised)
}

function checkMost(count: number, { length, atMost, what }: Promised): void {
  if (length !== undefined && count > length)
    throw new BlobError('ERR_BLOB_DAMAGED', `${what} has more than its ${length} bytes`)
  if (atMost !== undefined && count > atMost) throw tooLarge(what, atMost)
}

function checkEnd(count: number, digest: string | undefined, { length, sha256, what }: Promised): void {
  if (length !== undefined && count < length)
    throw new BlobError('ERR_BLOB_DAMAGED', `${what} ended after ${count} of ${length} bytes`)
  if (digest !== sha256)
    throw new BlobError('ERR_BLOB_DAMAGED', `${what} does not hold the bytes that were written`)
}

/** SHA-256 of bytes, in hex. */
export const sha256Of = (bytes: Uint8Array | string): string => hash('sha256', bytes, 'hex')

export const tooLarge = (what: string, atMost: number): BlobError =>
  new BlobError('ERR_BLOB_TOO_LARGE', `${what} has more than ${atMost} bytes`)

/** All bytes of a stream. */
export async function collect(body: Bytes): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    length += chunk.length
  }
  return joined(chunks, length)
}

/** A copy of these chunks, one after the other. */
export function joined(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/** The bytes of a source, read if need be. */
export const bytesOf = async (source: BlobSource): Promise<Uint8Array> =>
  source.bytes ?? (await collect(source.stream()))

/** A stream in pieces of `size` bytes, of which the last one may have less; of nothing, one empty piece. */
export async function* pieces(body: Bytes, size: number): AsyncGenerator<Uint8Array> {
  let [held, length, any] = [[] as Uint8Array[], 0, false]
  const take = (): Uint8Array => {
    const piece = Buffer.concat(held)
    held = []
    length = 0
    any = true
    return piece
  }
  for await (let chunk of body) {
    while (length + chunk.length >= size) {
      held.push(chunk.subarray(0, size - length))
      chunk = chunk.subarray(size - length)
      yield take()
    }
    held.push(chunk)
    length += chunk.length
  }
  if (length > 0 || !any) yield take()
}

/** What of a whole blob's stream is in the range. */
export function cutStream(body: Bytes, range: BlobRange): Bytes {
  const end = range.end ?? Number.POSITIVE_INFINITY
  let at = 0
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        const piece = chunk.subarray(Math.max(0, range.start - at), Math.max(0, end - at))
        at += chunk.length
        if (piece.length > 0) controller.enqueue(piece)
        if (at >= end) controller.terminate()
      },
    }),
  )
}
