/**
 * The tier behind the directory: results in a blob store, which others read and write, too. Promises that nothing that fails
 * there reaches a caller, that a store that does not answer costs one bounded wait per rest, and that what is given was
 * packed for this call and is whole. Knows bytes, not values.
 */
import { randomInt } from 'node:crypto'
import { setTimeout as after } from 'node:timers/promises'
import type { BlobStore } from '../blob/blob-store.ts'
import { BlobError, messageOf, PermafrostError } from '../errors.ts'
import { emit } from '../events.ts'
import { Recent } from '../recent.ts'
import { timesOf } from './age.ts'
import { Breaker } from './breaker.ts'
import { Callers, Gate } from './gate.ts'
import { isThere } from './objects.ts'
import { type Header, isPiece, open, type Piece, pack, pieceOf, type Refused } from './parcel.ts'
import { readWhole, silent } from './patience.ts'
import { attemptOf, objectKey, type Place, resultOf } from './place.ts'

import type { Fetched, Missing, Mode, PushReport, Removal, TierOptions, Upload } from './traffic.ts'

export type { Fetched, Missing, Mode, PushReport, TierOptions, Upload }

/** Look-ups at a time, and uploads: as many as a blob store has connections. */
export const PARALLEL = 64
/** Bytes of the uploads that are on their way together; a larger one goes alone. */
const MOST_BYTES = 64 << 20
/** Uploads that wait at most, before callers do. */
const MOST_WAITING = 1000
const MOST_TRIES = 5
/** Milliseconds after which whoever gives up has seen that the store does not answer. */
const LONG = 1000
/** Milliseconds for which a result that was not there is not looked for again. */
const ABSENT_FOR = 2000
const MOST_ABSENT = 10_000
/** What says nothing about the store as a whole. */
const OWN_FAULT: ReadonlySet<string> = new Set(['ERR_BLOB_DAMAGED', 'ERR_BLOB_KEY', 'ERR_BLOB_TOO_LARGE'])
/** Bytes up to which large memory is sent without asking whether it is there. */
const WORTH_ASKING = 64 * 1024

export class Tier {
  readonly mode: Mode
  readonly #options: TierOptions
  /** One for reading and one for writing: credentials may allow only one. */
  readonly #reading: Breaker
  readonly #writing: Breaker
  #opening: Promise<BlobStore> | undefined
  /** When what was not there may be looked for again. */
  readonly #absent = new Recent<string, number>(MOST_ABSENT, () => 1)
  readonly #looking = new Gate(PARALLEL)
  /** By call: of each only the last counts. */
  readonly #waiting = new Map<string, Upload | Removal>()
  /** Callers that wait for room. */
  readonly #callers = new Callers()
  #bytes = 0
  readonly #running = new Map<string, Promise<void>>()
  /** How often each failed, and after how many successes: while all fail, none of them is at fault. */
  readonly #tries = new WeakMap<object, { readonly count: number; readonly after: number }>()
  #successes = 0
  /** Calls that are forgotten, and whose results may still be there. */
  readonly #forgotten = new Set<string>()
  #woken: NodeJS.Timeout | undefined
  #isClosed = false
  readonly #count = { sent: 0, present: 0, failed: 0 }

  constructor(options: TierOptions) {
    this.#options = options
    this.mode = options.mode
    this.#reading = new Breaker(options.now)
    this.#writing = new Breaker(options.now)
  }

  get reads(): boolean {
    return this.mode !== 'write' && !this.#isClosed
  }

  get writes(): boolean {
    return this.mode !== 'read' && !this.#isClosed
  }

  /** The store, opened. Rejects with what opening it throws. */
  store(): Promise<BlobStore> {
    if (this.#opening === undefined) {
      const opening = this.#options.open()
      this.#opening = opening
      // whoever comes next tries again
      opening.catch(() => {
        this.#opening = undefined
      })
    }
    return this.#opening
  }

  // looking up -----------------------------------------------------------------------------------------------------

  /**
   * The result of a call, in one request where it has no large memory. Never rejects, but with the signal's reason. Of many
   * at once some wait for the others, which nobody counts as the store's silence.
   * @param isFresh to ask even if it was not there a moment ago
   */
  async fetch(
    place: Place,
    { isFresh = false, signal }: { isFresh?: boolean; signal?: AbortSignal } = {},
  ): Promise<Fetched | Missing> {
    return await this.#looking.pass(signal, () => this.#fetch(place, isFresh, signal))
  }

  async #fetch(place: Place, isFresh: boolean, signal?: AbortSignal): Promise<Fetched | Missing> {
    const { memo } = place
    if (this.#forgotten.has(memo)) return {}
    const absentUntil = isFresh ? undefined : this.#absent.get(memo)
    if (absentUntil !== undefined && this.#options.now() < absentUntil)
      return { askedAt: absentUntil - ABSENT_FOR }
    if (!this.#reading.isClosed()) return { isUnknown: true }
    const began = this.#options.now()
    try {
      const store = await this.store()
      const askedAt = this.#options.now()
      const found = await this.#get(store, place, signal)
      this.#reading.answered()
      if ('header' in found) return found
      this.#absent.set(memo, askedAt + ABSENT_FOR)
      return { ...found, askedAt }
    } catch (error) {
      if (signal?.aborted === true) {
        if (this.#options.now() - began < LONG) this.#reading.gaveUp()
        else this.#failed(silent(), this.#reading)
        throw signal.reason
      }
      this.#failed(error, this.#reading)
      return { isUnknown: true }
    }
  }

  async #get(store: BlobStore, place: Place, signal?: AbortSignal): Promise<Fetched | Missing> {
    const { patience } = this.#options
    const read = await readWhole(store, resultOf(place), { patience, signal })
    if (read === undefined) return {}
    const { blob, bytes } = read
    const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const over = { over: blob.etag ?? (true as const) }
    const opened = open(whole, place.memo, this.#options.signingKey)
    if (typeof opened === 'string') return this.#refused(place, opened, over)
    const { header, payload } = opened
    const now = this.#options.clock()
    const { createdAt, expiresAt } = timesOf(header, blob, now)
    if (expiresAt !== undefined && expiresAt <= now) return over
    const leaves = await Promise.all(header.leaves.map((leaf) => this.#leaf(store, leaf, signal)))
    if (!leaves.every((leaf) => leaf !== undefined)) return this.#refused(place, 'damaged', over)
    const size = header.leaves.reduce((sum, leaf) => sum + leaf.size, whole.byteLength)
    return { header, bytes: payload, leaves, createdAt, expiresAt, size, over: over.over! }
  }

  #refused({ memo }: Place, why: Refused, over: Missing): Missing {
    emit('refused', () => ({ memo, why }))
    return over
  }

  async #leaf(store: BlobStore, leaf: Piece, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const { patience } = this.#options
    const read = await readWhole(store, objectKey(leaf.sha256), { patience, signal, size: leaf.size })
    return read !== undefined && isPiece(read.bytes, leaf) ? read.bytes : undefined
  }

  /** Tells of it; nobody is asked for a while, unless only this one request was at fault. */
  #failed(error: unknown, breaker: Breaker): void {
    const failure =
      error instanceof PermafrostError
        ? error
        : new BlobError('ERR_BLOB_REFUSED', messageOf(error), { cause: error })
    if (failure instanceof BlobError && OWN_FAULT.has(failure.code)) {
      breaker.answered()
      this.#options.report(failure)
    } else if (breaker.failed()) this.#options.report(failure)
    emit('unreachable', () => ({ error: failure }))
  }

  // sending --------------------------------------------------------------------------------------------------------

  /** Sends it when its turn comes. */
  offer(upload: Upload): void {
    if (!this.writes) return upload.done('failed')
    this.#absent.set(upload.place.memo, 0)
    this.#queue(upload)
    this.#pump()
  }

  /** Forgets a call there, too, after what is being sent of it and before what is offered later. From now on nobody here finds it. */
  remove(place: Place): void {
    if (!this.writes) return
    this.#forgotten.add(place.memo)
    this.#queue({ place })
    this.#pump()
  }

  /** In the place of an older one, and for it: what that one would have replaced is replaced. */
  #queue(job: Upload | Removal, older = this.#waiting.get(job.place.memo)): void {
    const { memo } = job.place
    this.#waiting.delete(memo)
    const isBoth = older !== undefined && 'read' in older && 'read' in job
    this.#waiting.set(memo, isBoth ? { ...job, over: job.over ?? older.over } : job)
    if (older !== undefined && 'read' in older) older.done('failed')
  }

  /** When there is room for one more, or after `patience`; nobody waits for a store that does not answer. */
  async room(signal?: AbortSignal): Promise<void> {
    if (this.#waiting.size < MOST_WAITING || this.#writing.left > 0) return
    await this.#callers.wait(this.#options.patience, signal)
  }

  /** One caller for one upload, and all if none of them brought one, or nothing can be sent. */
  #admit(): void {
    this.#callers.admit(this.#waiting.size === 0 || this.#writing.left > 0 || this.#isClosed)
  }

  /** When all that was offered is there, or cannot be for now. Counts since the last time. */
  async push(): Promise<PushReport> {
    this.#writing.hurry()
    this.#wake()
    while (this.#running.size > 0) await Promise.all(this.#running.values())
    const { failed, present, sent } = this.#count
    Object.assign(this.#count, { sent: 0, present: 0, failed: 0 })
    return { sent, present, failed, left: this.#waiting.size }
  }

  #pump(): void {
    while (this.#running.size < PARALLEL) {
      // one call at a time: what is sent later is newer
      const job = this.#next()
      if (job === undefined) return
      const size = 'read' in job ? job.size : 0
      if (this.#bytes > 0 && this.#bytes + size > MOST_BYTES) return
      if (!this.#writing.isClosed()) return this.#wakeLater()
      const { memo } = job.place
      this.#bytes += size
      this.#waiting.delete(memo)
      const run = this.#send(job).finally(() => {
        this.#running.delete(memo)
        this.#bytes -= size
        this.#pump()
        this.#admit()
      })
      this.#running.set(memo, run)
    }
  }

  #next(): Upload | Removal | undefined {
    for (const [memo, job] of this.#waiting) if (!this.#running.has(memo)) return job
    return undefined
  }

  #wakeLater(): void {
    // whoever is let through wakes the others
    if (this.#running.size > 0) return
    this.#woken ??= setTimeout(() => this.#wake(), this.#writing.left + 1)
    // a program does not stay for a store that does not answer; what was not sent is in the directory
    this.#woken.unref()
  }

  #wake(): void {
    clearTimeout(this.#woken)
    this.#woken = undefined
    this.#pump()
  }

  async #send(job: Upload | Removal): Promise<void> {
    try {
      const store = await this.store()
      const came = 'read' in job ? await this.#put(store, job) : 'removed'
      if (came === 'removed') await store.delete(resultOf(job.place))
      this.#writing.answered()
      this.#successes += 1
      this.#end(job, came)
    } catch (error) {
      const before = this.#tries.get(job)
      const count = before?.after === this.#successes ? before.count : (before?.count ?? 0) + 1
      this.#tries.set(job, { count, after: this.#successes })
      const isPassing = error instanceof BlobError && error.code === 'ERR_BLOB_UNREACHABLE'
      this.#failed(error, this.#writing)
      if (!isPassing || count >= MOST_TRIES || this.#isClosed) return this.#end(job, 'failed')
      await after(randomInt(50, 200))
      const newer = this.#waiting.get(job.place.memo)
      if (newer === undefined) this.#queue(job)
      else this.#queue(newer, job)
    }
  }

  #end(job: Upload | Removal, came: 'sent' | 'present' | 'failed' | 'removed'): void {
    const { memo } = job.place
    const isGone = came === 'removed' || came === 'sent'
    if (isGone && this.#forgotten.has(memo) && !this.#waiting.has(memo)) this.#forgotten.delete(memo)
    if (came !== 'removed') this.#count[came] += 1
    emit('pushed', () => ({ memo, came }))
    if ('read' in job && came !== 'removed') job.done(came)
  }

  async #put(store: BlobStore, upload: Upload): Promise<'sent' | 'present' | 'failed'> {
    const { about, facts, place } = upload
    // what could not be removed is replaced
    const over = this.#forgotten.has(place.memo) ? true : upload.over
    const stored = upload.read()
    // it left the directory before its turn came
    if (stored === undefined) return 'failed'
    const leaves = stored.leaves.map(pieceOf)
    // what is of no use there may be so because of these
    const isAsked = over === undefined
    await Promise.all(leaves.map((leaf, index) => this.#putLeaf(store, leaf, stored.leaves[index]!, isAsked)))
    const header: Header = {
      memo: place.memo,
      ...facts,
      sentAt: this.#options.clock(),
      payload: pieceOf(stored.bytes),
      leaves,
      about,
    }
    const blob = pack(header, stored.bytes, this.#options.signingKey)
    if (facts.threw) await this.#noteFailure(store, place, about.attempt, blob)
    if (await this.#putIf(store, place, blob, over)) return 'sent'
    const theirs = await this.#get(store, place)
    // a value takes the place of an error, and of what is of no use
    if ('header' in theirs && (facts.threw || !theirs.header.threw)) {
      upload.adopt(theirs)
      return 'present'
    }
    return (await this.#putIf(store, place, blob, theirs.over)) ? 'sent' : 'failed'
  }

  /** An error, apart from the result, which another one or a value may replace. Whether that succeeds is of no matter. */
  async #noteFailure(store: BlobStore, place: Place, attempt: string | undefined, blob: Buffer) {
    if (attempt !== undefined) await store.put(attemptOf(place, attempt), blob).catch(() => undefined)
  }

  /** Whether it was written: over what is not there, or over this version. */
  async #putIf(store: BlobStore, place: Place, blob: Buffer, over: Missing['over']): Promise<boolean> {
    const key = resultOf(place)
    try {
      await store.put(
        key,
        blob,
        over === undefined ? { ifAbsent: true } : over === true ? {} : { ifMatch: over },
      )
      return true
    } catch (error) {
      if (!(error instanceof BlobError)) throw error
      if (error.code === 'ERR_BLOB_PRECONDITION') return false
      if (error.code !== 'ERR_BLOB_UNSUPPORTED') throw error
      // a store without conditions: what is there already stays, as far as can be seen
      const there = await store.head(key)
      if (there !== undefined && there.etag !== over) return false
      await store.put(key, blob)
      return true
    }
  }

  /** Named by its digest, so whoever writes it writes the same. */
  async #putLeaf(store: BlobStore, leaf: Piece, bytes: Uint8Array, isAsked: boolean): Promise<void> {
    const key = objectKey(leaf.sha256)
    const { clock } = this.#options
    if (isAsked && leaf.size >= WORTH_ASKING && (await isThere(store, leaf, clock()))) return
    await store.put(key, bytes)
  }

  /** Sends nothing more, and lets go of the store. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#woken)
    for (const job of this.#waiting.values()) if ('read' in job) job.done('failed')
    this.#waiting.clear()
    this.#admit()
    await Promise.allSettled(this.#running.values())
    const store = await this.#opening?.catch(() => undefined)
    await store?.close().catch(() => {})
  }
}
