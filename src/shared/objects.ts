/**
 * Large memory of results, as blobs of its own: who may rely on what is there, and who may remove what nobody names.
 * A result is written after its objects, so for a while nothing names them. So whoever is about to name one that was
 * written more than half a day ago writes it again, and only what was not written for a day is ever removed: an upload
 * has the other half to name it. What has no time counts as new for both. Where etags are digests (S3), one that was written
 * again looks as before, so between the last look at it and its removal there is a gap of one request. Who falls into it has
 * a result without its object: a miss, which is computed and written again.
 */
import type { BlobFacts, BlobStore } from '../blob/blob-store.ts'
import type { Piece } from './parcel.ts'
import { objectKey } from './place.ts'

export const DAY = 86_400_000

/** Milliseconds for which an object may be relied on. */
const RELIED_ON: number = DAY / 2

/** Milliseconds since it was written: by the clock of the store, or else by ours. */
export const ageOf = ({ asOf, modified }: BlobFacts, now: number): number =>
  modified === undefined ? 0 : (asOf ?? now) - modified

/** Whether an object is there, and will be for the next hours. */
export async function isThere(
  store: BlobStore,
  { sha256, size }: Piece,
  now: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const found = await store.head(objectKey(sha256), signal && { signal })
  return found?.size === size && ageOf(found, now) < RELIED_ON
}
