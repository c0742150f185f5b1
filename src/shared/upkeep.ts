/**
 * Garbage in a blob store: results that are too old, leases that are over, failures of long ago, large memory that no result names.
 * Promises that nothing is removed but what permafrost put there, that each is looked at once more before it is, and that
 * no result loses its large memory, though others write meanwhile (see `objects.ts`). In doubt it stays.
 */
import type { BlobFacts, BlobStore } from '../blob/blob-store.ts'
import { BlobError } from '../errors.ts'
import type { Watch } from '../types.ts'
import { each, inTurn, unlessStopped } from './flow.ts'
import { LONGEST_DURATION, leaseOf } from './lease-text.ts'
import { ageOf, DAY } from './objects.ts'
import { RUNNER } from './place.ts'
import {
  countOf,
  headOf,
  isOurs,
  type ListedCall,
  type ListedObject,
  listCalls,
  listObjects,
  listResults,
  meant,
  type Where,
} from './survey.ts'

export interface CollectOptions extends Watch, Where {
  /** Results written more milliseconds ago leave. Undefined: all stay. */
  readonly olderThan?: number | undefined
  /** Only count. */
  readonly dryRun?: boolean
  /** Milliseconds since the epoch, for stores that do not tell their own time. */
  readonly clock?: () => number
}

export interface CollectReport {
  readonly results: number
  readonly leases: number
  readonly attempts: number
  readonly objects: number
  readonly bytesFreed: number
  /** Results that nobody understands: because of these all objects stay. */
  readonly unreadable: number
}

/** Milliseconds for which it can be seen that a call failed. */
const ATTEMPTS_STAY: number = 30 * DAY
/** Objects that are looked at in one go through the results, so that memory is bounded. */
const ROUND = 250_000
/** Bytes of a blob that tell what it is. */
const ENOUGH = 4096

/** Removes garbage. The filter is for what belongs to calls; objects belong to all. Throws a `BlobError`. */
export async function collect(store: BlobStore, options: CollectOptions = {}): Promise<CollectReport> {
  const work = new Collection(store, options)
  await unlessStopped(options.signal, () => work.run())
  return work.report
}

class Collection {
  readonly report = { results: 0, leases: 0, attempts: 0, objects: 0, bytesFreed: 0, unreadable: 0 }
  readonly #store: BlobStore
  readonly #options: CollectOptions
  readonly #clock: () => number
  /** How far the clock of the store is before ours, once it is known. */
  #ahead: number | undefined
  #total = 0
  #done = 0

  constructor(store: BlobStore, options: CollectOptions) {
    this.#store = store
    this.#options = options
    this.#clock = options.clock ?? Date.now
  }

  async run(): Promise<void> {
    const { onProgress, signal } = this.#options
    if (onProgress !== undefined) {
      const calls = await countOf(listCalls(this.#store, { signal }))
      this.#total = 2 * calls + (await countOf(listObjects(this.#store, { signal })))
    }
    for await (const _ of each(listCalls(this.#store, this.#options), (one) => this.#tidy(one))) this.#tell()
    await this.#collectObjects()
  }

  #tell(): void {
    this.#done += 1
    this.#options.onProgress?.(this.#done, Math.max(this.#done, this.#total))
  }

  async #now(key: string): Promise<number> {
    if (this.#ahead === undefined) {
      const { signal } = this.#options
      const facts = this.#store.capabilities.serverClock
        ? await this.#store.head(key, signal && { signal })
        : undefined
      if (facts?.asOf !== undefined) this.#ahead = facts.asOf - this.#clock()
      else if (facts !== undefined || !this.#store.capabilities.serverClock) this.#ahead = 0
    }
    return this.#clock() + (this.#ahead ?? 0)
  }

  // calls ----------------------------------------------------------------------------------------------------------

  async #tidy(one: ListedCall): Promise<void> {
    const least = this.#leastAge(one)
    if (ageOf(one, await this.#now(one.key)) <= least) return
    if (!(await this.#remove(one, least))) return
    this.report[`${one.kind}s`] += 1
    this.report.bytesFreed += one.size
  }

  /** Milliseconds that it may stay. */
  #leastAge({ kind }: ListedCall): number {
    const { olderThan = Number.POSITIVE_INFINITY } = this.#options
    if (kind === 'result') return olderThan
    // a lease that was not renewed for longer than any lasts is over
    return kind === 'lease' ? LONGEST_DURATION + DAY : Math.min(olderThan, ATTEMPTS_STAY)
  }

  async #remove({ key, kind, size }: ListedCall, least: number): Promise<boolean> {
    const { dryRun, signal } = this.#options
    if (size === 0) return false
    const range = { start: 0, end: ENOUGH }
    const found = await unlessDamaged(this.#store.get(key, { range, ...(signal && { signal }) }))
    if (found === undefined) return false
    const blob = Buffer.from((await found.bytes()).buffer)
    if (ageOf(found, this.#clock()) <= least) return false
    if (kind === 'lease' ? leaseOf(blob.toString()) === undefined : !isOurs(blob)) return false
    return dryRun === true || (await removeVersion(this.#store, found))
  }

  // objects --------------------------------------------------------------------------------------------------------

  async #collectObjects(): Promise<void> {
    if (await this.#hasNewer()) {
      this.report.unreadable += 1
      return
    }
    let startAt: string | undefined
    do {
      const { next, old } = await this.#oldObjects(startAt)
      startAt = next
      // those that are named are taken out; what is written after this names nothing of so long ago
      if (old.size > 0) await this.#spareNamed(old)
      if (this.report.unreadable > 0) return
      for await (const size of each(inTurn(old.values()), (one) => this.#removeObject(one))) {
        if (size === undefined) continue
        this.report.objects += 1
        this.report.bytesFreed += size
      }
    } while (startAt !== undefined)
  }

  /** Whether later versions of permafrost keep results here, of which nobody knows what they name. */
  async #hasNewer(): Promise<boolean> {
    const { signal } = this.#options
    const startAt = `${RUNNER}0`
    for await (const { key } of this.#store.list('permafrost-', { startAt, ...(signal && { signal }) }))
      return /^permafrost-\d/.test(key)
    return false
  }

  async #oldObjects(startAt: string | undefined) {
    const old = new Map<string, ListedObject>()
    for await (const one of listObjects(this.#store, { startAt, signal: this.#options.signal })) {
      if (old.size === ROUND) return { old, next: one.key }
      if (ageOf(one, await this.#now(one.key)) > DAY) old.set(one.sha256, one)
      this.#tell()
    }
    return { old, next: undefined }
  }

  async #spareNamed(old: Map<string, ListedObject>): Promise<void> {
    const { dryRun, signal } = this.#options
    const isMeant = meant(this.#options)
    const heads = each(listResults(this.#store, { signal }), async (one) => {
      const leaves =
        dryRun === true && isMeant(one) && ageOf(one, await this.#now(one.key)) > this.#leastAge(one)
      return leaves ? undefined : await headOf(this.#store, one, signal)
    })
    for await (const head of heads) {
      if (head?.is === 'damaged') this.report.unreadable += 1
      if (head?.is === 'result') for (const { sha256 } of head.header.leaves) old.delete(sha256)
      this.#tell()
    }
  }

  /** Its bytes, if it is gone now. */
  async #removeObject({ key, size }: ListedObject): Promise<number | undefined> {
    const { dryRun, signal } = this.#options
    const found = await unlessDamaged(this.#store.head(key, signal && { signal }))
    // somebody who is about to name it has written it again
    if (found === undefined || ageOf(found, this.#clock()) <= DAY) return undefined
    return dryRun === true || (await removeVersion(this.#store, found)) ? size : undefined
  }
}

/** Deletes this version and no other one, as far as the store can. Whether it did. Not to be stopped half-way. */
export async function removeVersion(
  store: BlobStore,
  { etag, key }: Pick<BlobFacts, 'etag' | 'key'>,
): Promise<boolean> {
  if (etag !== undefined && store.capabilities.conditionalDelete !== false)
    try {
      await store.delete(key, { ifMatch: etag })
      return true
    } catch (error) {
      const { code } = error as BlobError
      if (code === 'ERR_BLOB_PRECONDITION') return false
      if (code !== 'ERR_BLOB_UNSUPPORTED') throw error
    }
  await store.delete(key)
  return true
}

/** What is damaged is left to `verify`. */
async function unlessDamaged<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof BlobError && error.code === 'ERR_BLOB_DAMAGED') return undefined
    throw error
  }
}
