/**
 * Results on their way from one blob store to another. Promises that what is there already stays, that a result is written
 * after its objects, and that what arrives is what was sent. So a copy that was stopped anywhere is gone on with by the
 * same copy: it goes by the order of the keys, and passes over what is there.
 */
import type { BlobFacts, BlobStore } from '../blob/blob-store.ts'
import { checked } from '../blob/body.ts'
import { BlobError } from '../errors.ts'
import type { Watch } from '../types.ts'
import { each, unlessStopped } from './flow.ts'
import { isThere } from './objects.ts'
import { headLength, isPiece, type Piece } from './parcel.ts'
import { objectKey } from './place.ts'
import { countOf, headOf, type ListedCall, listResults, type Where } from './survey.ts'

export interface CopyOptions extends Watch, Where {
  /** Begin at this key. */
  readonly startAt?: string | undefined
  /** Milliseconds since the epoch, for stores that do not tell their own time. */
  readonly clock?: () => number
}

export interface CopyReport {
  readonly copied: number
  /** They were there. */
  readonly present: number
  /** No results, or damaged: they stay where they are. */
  readonly refused: number
  readonly objects: number
  readonly bytes: number
  /** The last key that was looked at, if it was stopped: `startAt` for the next time. */
  readonly next?: string
}

/** Bytes of blobs that are held in memory, of which more than a few may be on their way. */
const AT_ONCE = 8 << 20

type Came = { readonly is: 'copied' | 'present' | 'refused'; readonly key: string }

/** Copies all results that are meant. Throws a `BlobError`. */
export async function copyResults(
  from: BlobStore,
  to: BlobStore,
  { clock = Date.now, onProgress, signal, startAt, ...where }: CopyOptions = {},
): Promise<CopyReport> {
  const report = { copied: 0, present: 0, refused: 0, objects: 0, bytes: 0 }
  let last: string | undefined
  const transfer = new Transfer(from, to, clock, signal, (bytes, isObject) => {
    if (isObject) report.objects += 1
    report.bytes += bytes
  })
  await unlessStopped(signal, async () => {
    const options = { ...where, startAt, signal }
    const total = onProgress === undefined ? 0 : await countOf(listResults(from, options))
    let done = 0
    const there = to.capabilities.listing ? present(listResults(to, options)) : undefined
    const all = withPresence(listResults(from, options), there)
    for await (const came of each(all, (one) => transfer.copy(one))) {
      report[came.is] += 1
      last = came.key
      done += 1
      onProgress?.(done, Math.max(done, total))
    }
  })
  return { ...report, ...(signal?.aborted === true && last !== undefined && { next: last }) }
}

type Wanted = ListedCall & { readonly isPresent: boolean | undefined }

/** Both lists are in the order of their keys, so that one look at each tells what is in both. */
async function* withPresence(
  wanted: AsyncIterable<ListedCall>,
  isPresent: ((key: string) => Promise<boolean>) | undefined,
): AsyncGenerator<Wanted> {
  for await (const one of wanted) yield { ...one, isPresent: await isPresent?.(one.key) }
}

/** Whether a list has a key; to be asked for keys in their order. */
function present(list: AsyncGenerator<BlobFacts>): (key: string) => Promise<boolean> {
  let next: Promise<IteratorResult<BlobFacts, void>> | undefined
  return async (key) => {
    for (;;) {
      next ??= list.next()
      const { done, value } = await next
      if (done === true || value === undefined || value.key > key) return false
      if (value.key === key) return true
      next = undefined
    }
  }
}

class Transfer {
  readonly #from: BlobStore
  readonly #to: BlobStore
  readonly #clock: () => number
  readonly #asking: { readonly signal?: AbortSignal }
  readonly #count: (bytes: number, isObject: boolean) => void
  /** Objects on their way, which several results may name. */
  readonly #sending = new Map<string, Promise<boolean>>()

  constructor(
    from: BlobStore,
    to: BlobStore,
    clock: () => number,
    signal: AbortSignal | undefined,
    count: (bytes: number, isObject: boolean) => void,
  ) {
    this.#from = from
    this.#to = to
    this.#clock = clock
    this.#asking = signal === undefined ? {} : { signal }
    this.#count = count
  }

  async copy({ isPresent, ...one }: Wanted): Promise<Came> {
    const { key } = one
    if (isPresent ?? (await this.#to.head(key, this.#asking)) !== undefined) return { is: 'present', key }
    const head = await headOf(this.#from, one, this.#asking.signal)
    if (head.is !== 'result' || head.header.memo !== one.memo) return { is: 'refused', key }
    const { blob, facts, header } = head
    const whole = blob.length === facts.size ? blob : undefined
    const start = headLength(blob)!
    if (facts.size !== start + header.payload.size) return { is: 'refused', key }
    if (whole !== undefined && !isPiece(whole.subarray(start), header.payload)) return { is: 'refused', key }
    for (const leaf of header.leaves) if (!(await this.#object(leaf))) return { is: 'refused', key }
    const send = async (): Promise<Came> => ({
      is: await this.#result(facts, whole, start, header.payload),
      key,
    })
    try {
      return await send()
    } catch (error) {
      if (isDamage(error)) return { is: 'refused', key }
      if ((error as BlobError).code !== 'ERR_BLOB_UNSUPPORTED') throw error
      // that the store has no conditions is known now
      return await send()
    }
  }

  async #result(facts: BlobFacts, whole: Buffer | undefined, start: number, payload: Piece) {
    const { key, size } = facts
    if (whole !== undefined) return await this.#put(key, whole, size)
    const found = await this.#from.get(key, this.#asking)
    if (found === undefined) return 'refused'
    // another one has been put there since; the next copy takes it
    if (found.size !== size || found.etag !== facts.etag) {
      await found.cancel()
      return 'refused'
    }
    if (size > AT_ONCE) return await this.#put(key, found.body, size)
    const bytes = await found.bytes()
    return isPiece(bytes.subarray(start), payload) ? await this.#put(key, bytes, size) : 'refused'
  }

  async #put(key: string, bytes: Uint8Array | ReadableStream<Uint8Array>, size: number) {
    const ifAbsent = this.#to.capabilities.conditionalCreate !== false
    try {
      await this.#to.put(key, bytes, { size, ...(ifAbsent && { ifAbsent }), ...this.#asking })
    } catch (error) {
      if ((error as BlobError).code !== 'ERR_BLOB_PRECONDITION') throw error
      return 'present'
    }
    this.#count(size, false)
    return 'copied'
  }

  /** Whether it is there now, for some hours at least. */
  async #object(piece: Piece): Promise<boolean> {
    const { sha256 } = piece
    const before = this.#sending.get(sha256)
    if (before !== undefined) return before
    const sent = this.#send(piece).finally(() => this.#sending.delete(sha256))
    this.#sending.set(sha256, sent)
    return sent
  }

  async #send(piece: Piece): Promise<boolean> {
    if (await isThere(this.#to, piece, this.#clock(), this.#asking.signal)) return true
    const key = objectKey(piece.sha256)
    try {
      const found = await this.#from.get(key, this.#asking)
      if (found === undefined) return false
      if (found.size !== piece.size) {
        await found.cancel()
        return false
      }
      if (piece.size > AT_ONCE)
        await this.#to.put(
          key,
          checked(found.body, { length: piece.size, sha256: piece.sha256, what: key }),
          { size: piece.size, ...this.#asking },
        )
      else {
        const bytes = await found.bytes()
        if (!isPiece(bytes, piece)) return false
        await this.#to.put(key, bytes, this.#asking)
      }
    } catch (error) {
      if (isDamage(error)) return false
      throw error
    }
    this.#count(piece.size, true)
    return true
  }
}

const isDamage = (error: unknown): boolean => error instanceof BlobError && error.code === 'ERR_BLOB_DAMAGED'
