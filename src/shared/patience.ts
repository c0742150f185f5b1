/** Reads blobs and does not wait for ever, whatever a store makes of signals. */
import type { BlobStore, StoredBlob } from '../blob/blob-store.ts'
import { BlobError } from '../errors.ts'

/** Bytes in a millisecond below which a store is as good as silent. */
const SLOWEST = 64

/** Pieces in which patience is counted: a process that is too busy to hear the answer does not count that as silence. */
const SLICES = 10

export interface Read {
  readonly blob: StoredBlob
  readonly bytes: Uint8Array<ArrayBuffer>
}

interface Terms {
  /** Milliseconds until the first byte; large ones may take longer, by their size. */
  readonly patience: number
  readonly signal?: AbortSignal | undefined
  /** One of another size is none. */
  readonly size?: number
}

export const silent = (uri = 'the blob store'): BlobError =>
  new BlobError('ERR_BLOB_UNREACHABLE', `${uri} does not answer`)

/** A whole blob, if there is one. Rejects with what the store says, with the signal's reason, or a `BlobError`. */
export async function readWhole(
  store: BlobStore,
  key: string,
  { patience, signal, size }: Terms,
): Promise<Read | undefined> {
  const late = new AbortController()
  const either = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
  const given = new Promise<never>((_, reject) => {
    const giveUp = (): void => reject(either.reason)
    either.addEventListener('abort', giveUp, { once: true })
    if (either.aborted) giveUp()
  })
  const within = (time: number) => {
    let slices = 0
    return setInterval(() => {
      if (++slices === SLICES) late.abort(silent(store.uri))
    }, time / SLICES)
  }
  let timer = within(patience)
  try {
    const blob = await Promise.race([store.get(key, { signal: either }), given])
    if (blob === undefined) return undefined
    if (size !== undefined && blob.size !== size) {
      await Promise.race([blob.cancel(), given])
      return undefined
    }
    clearInterval(timer)
    timer = within(patience + blob.size / SLOWEST)
    return { blob, bytes: await Promise.race([blob.bytes(), given]) }
  } finally {
    clearInterval(timer)
  }
}
