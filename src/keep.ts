/**
 * From the value that a function returned to an entry of the store, if the value may be kept.
 *
 * The law: nothing is kept unless it is certain to be what the function would return for that key.
 */
import { ask, isOverflow, PermafrostError, UncertainError, unencodable } from './errors.ts'
import { emit } from './events.ts'
import { notesOf } from './explain.ts'
import { conclude, type Frame } from './frame.ts'
import { attempt, guarded, uncached } from './guard.ts'
import { type Keyed, keyOf, plainKey } from './key.ts'
import type { Memo, Room } from './memo.ts'
import { coverOf, recordedBy, whyRefused } from './observe.ts'
import { milliseconds } from './options.ts'
import { type Encoded, encodeParts, type Outcome } from './outcome.ts'
import { changedSince, inWords, type Recorded, sealed } from './recorded.ts'
import type { Running } from './running.ts'
import type { Lease, NewEntry } from './store/contract.ts'
import { refusedStream } from './stream/stream.ts'
import { type Timing, timed } from './timing.ts'
import type { Duration, Entry } from './types.ts'
import { shortened } from './words.ts'

/** A value as computed, and how to make copies of it, if it can be copied: whoever joined the call gets one of its own. */
export interface Kept {
  readonly value: unknown
  readonly copy: (() => Outcome | undefined) | undefined
  readonly frame: Frame
  /** What it was seen to read. */
  readonly recorded: readonly Recorded[]
}

/** An asynchronous call that is running. */
export interface Flight extends Running {
  readonly landed: Promise<Kept>
  /** Whether somebody else waits for what it gives. */
  joined: boolean
  /** Whether whoever began it gave it up. */
  readonly isAborted: () => boolean
}

/** A call that has returned. */
export interface Finished {
  readonly keyed: Keyed
  readonly self: unknown
  readonly args: readonly unknown[]
  readonly frame: Frame
  readonly outcome: Outcome
  /** Milliseconds. */
  readonly elapsed: number
  readonly async: boolean
  /** Whether it began after its key was made, so that its arguments may have been others by then. */
  readonly isLate?: boolean | undefined
  readonly lease: Lease | undefined
  /** Whether it was given up, forgotten or computed anew while it ran. */
  readonly isOutdated: boolean
  readonly timing?: Timing | undefined
  /** Sends what was kept to others. */
  readonly send?: ((entry: Entry, threw: boolean) => void) | undefined
}

/** Milliseconds from which a call is worth the microseconds of noting what it was, to explain later misses by. */
const WORTH_A_NOTE = 1

/**
 * Keep a result if it may be kept. Gives its parts; `'unwanted'` if it could be kept and is not to be; nothing if it
 * cannot be. Throws only for `onUncacheable: 'throw'`.
 */
export function keep(memo: Memo, room: Room, finished: Finished): Encoded | 'unwanted' | undefined {
  return settle(memo, room, finished, () => {
    room.count(memo.name, { misses: 1, timeSpent: finished.elapsed })
    return encoded(memo, room, finished)
  })
}

/** A recording of a stream that has ended, as it goes into the store. */
export interface Taped {
  readonly form: string
  put(entry: NewEntry): Entry | undefined
}

/** The same for a stream: `shouldCache` and `ttl` are asked when it has ended, about `undefined`. Counts nothing. */
export function keepTape(
  memo: Memo,
  room: Room,
  streamed: Omit<Finished, 'outcome'>,
  { form, put }: Taped,
): void {
  const finished: Finished = { ...streamed, outcome: { value: undefined } }
  settle(memo, room, finished, () => {
    const expiresAt = expiryToKeep(memo, room, finished, true)
    if (typeof expiresAt !== 'number') return expiresAt
    const entry = entryToBe(memo, finished, expiresAt, form)
    const made = put(entry)
    tellOfPut(entry, finished.args, made)
    if (made !== undefined) finished.send?.(made, false)
    return undefined
  })
}

/** Does it, and tells whoever is to know how it went. */
function settle<T>(
  memo: Memo,
  room: Room,
  finished: Finished,
  work: () => T | PermafrostError,
): T | undefined {
  const { frame, isOutdated, keyed, outcome } = finished
  const doubt = doubtOf(isOutdated, outcome.thrown?.error)
  const kept = guarded(memo, room, work)
  const isCertain = kept !== undefined && !(kept instanceof PermafrostError)
  conclude(frame, keyed.inputPaths, isCertain ? undefined : expiryAtOnce(memo, room), doubt)
  if (!(kept instanceof PermafrostError)) return kept
  uncached(memo, room, kept)
  // an error that cannot be kept is still the function's answer
  if (memo.onUncacheable === 'throw' && finished.outcome.thrown === undefined) throw kept
  return undefined
}

/** Why calls around it must not be kept, either. */
export function doubtOf(isOutdated: boolean, error: unknown): string | undefined {
  if (isOutdated) return 'a call that it made was given up, forgotten or computed anew meanwhile'
  return isOverflow(error) ? 'a call that it made ran out of stack' : undefined
}

/** Milliseconds after its expiry for which a result is of use. */
const staleAfter = ({ staleIfError, staleWhileRevalidate }: Memo): number =>
  Math.max(staleIfError, staleWhileRevalidate)

/** Encode and store what came of it. Gives the parts; or why it cannot be cached; or that it should not be. */
function encoded(memo: Memo, room: Room, finished: Finished): Encoded | PermafrostError | 'unwanted' {
  const { args, async, isLate = false, timing } = finished
  const expiresAt = expiryToKeep(memo, room, finished, async || isLate)
  if (typeof expiresAt !== 'number') return expiresAt
  let made: Encoded
  try {
    made = timed(timing, 'encode', () => encodeParts(memo.codec, finished.outcome, finished.keyed.inputPaths))
  } catch (error) {
    return refusedStream(finished.outcome.value) ?? unencodable(error)
  }
  const store = room.store()
  if (store === undefined || store.readonly) return made
  const entry = entryToBe(memo, finished, expiresAt, made.form)
  const bytes = memo.recordsInputs ? sealed(recordedBy(finished.frame), made.bytes) : made.bytes
  const put = timed(timing, 'write', () => store.put(entry, bytes, made.leaves))
  tellOfPut(entry, args, put)
  if (put !== undefined) finished.send?.(put, finished.outcome.thrown !== undefined)
  return made
}

/** When a result that may be kept expires, or why it may not. `isLate`: others may have changed what it read. */
function expiryToKeep(
  memo: Memo,
  room: Room,
  finished: Finished,
  isLate: boolean,
): number | UncertainError | 'unwanted' {
  const { frame, outcome } = finished
  // calls around it must not live longer, whether it is kept or refused, and whatever fails
  let expiresAt = room.clock()
  let failure: { readonly error: unknown } | undefined
  try {
    expiresAt = expiry(memo, room, outcome)
  } catch (error) {
    failure = { error }
  }
  frame.expiresAt = Math.min(frame.expiresAt, expiresAt)
  const whyNot = whyUncertain(memo, finished, isLate) ?? (isToBeKept(memo, finished) ? undefined : 'unwanted')
  if (whyNot === undefined && failure !== undefined) throw failure.error
  return whyNot ?? frame.expiresAt
}

function entryToBe(memo: Memo, finished: Finished, expiresAt: number, codec: string): NewEntry {
  const { args, async, elapsed, keyed, lease, self } = finished
  return {
    key: plainKey(keyed.key),
    computeTime: elapsed,
    ...(expiresAt !== Number.POSITIVE_INFINITY && { expiresAt, staleFor: staleAfter(memo) }),
    codec,
    async,
    tags: memo.tags,
    keepVersions: memo.keepVersions,
    ...(lease !== undefined && { lease }),
    ...(elapsed >= WORTH_A_NOTE && notesOf(memo, self, args)),
  }
}

function tellOfPut(
  { computeTime, key: { digest, name } }: NewEntry,
  args: readonly unknown[],
  put: Entry | undefined,
): void {
  if (put === undefined) return
  emit('stored', () => ({ name, args: shortened(args), key: digest, size: put.size, computeTime }))
}

/** Whether the user wants it kept. */
function isToBeKept({ cacheErrors, shouldCache }: Memo, finished: Finished): boolean {
  const { elapsed, isOutdated, keyed, outcome } = finished
  if (isOutdated) return false
  const { thrown, value } = outcome
  if (thrown !== undefined) {
    if (isOverflow(thrown.error)) return false
    return cacheErrors !== undefined && ask('cacheErrors', () => cacheErrors.accepts(thrown.error))
  }
  return (
    shouldCache === undefined ||
    ask('shouldCache', () => shouldCache(value, { key: plainKey(keyed.key), elapsed }))
  )
}

/** Why a finished call must not be kept: what it read may not be what its key says. */
function whyUncertain(
  memo: Memo,
  { args, frame, keyed, self }: Finished,
  isLate: boolean,
): UncertainError | undefined {
  const refused = whyRefused(memo, frame)
  if (refused !== undefined) return refused
  if (frame.doubt !== undefined) return new UncertainError(frame.doubt)
  const recorded = recordedBy(frame)
  const covers = coverOf(keyed, recorded)
  for (const path of frame.files) {
    if (!covers(path)) {
      return new UncertainError(
        `it calls a function with the input file ${path}, which is not among its own arguments`,
      )
    }
  }
  const changed = changedSince(recorded)
  if (changed.length > 0) return new UncertainError(`what it read (${inWords(changed)}) changed while it ran`)
  if (!isLate && keyed.inputPaths.length === 0) return undefined
  const now = keyOf(memo, self, args).key
  if (now.inputs !== keyed.key.inputs) {
    return new UncertainError(`one of its input files (${inWords(keyed.inputPaths)}) changed while it ran`)
  }
  // while an asynchronous function waits, others may change what it reads next
  if (isLate && now.digest !== keyed.key.digest) {
    return new UncertainError('its arguments, or what it captures, changed while it ran')
  }
  return undefined
}

/** Whether a promise is no more than that: one with properties, or of a class of the user's, cannot be made again. */
export function isPlainPromise(promise: Promise<unknown>): boolean {
  const above = (one: object | null): object | null => one && Object.getPrototypeOf(one)
  const root = above(above(promise))
  return Object.getOwnPropertyNames(promise).length === 0 && root !== null && above(root) === null
}

/** When what a function gives now expires, as far as that can be known now. */
export const expiryAtOnce = ({ ttl }: Memo, { clock }: Room): number =>
  inTime(typeof ttl === 'function' ? undefined : ttl, clock)

/** When a stream expires, as whoever takes only a part of it is to know. */
export const expiryOfStream = (memo: Memo, room: Room): number =>
  attempt(() => expiry(memo, room, { value: undefined })) ?? room.clock()

function expiry({ cacheErrors, ttl }: Memo, { clock }: Room, { thrown, value }: Outcome): number {
  const age =
    thrown !== undefined
      ? (cacheErrors?.ttl ?? (typeof ttl === 'function' ? undefined : ttl))
      : typeof ttl === 'function'
        ? ask('ttl', () => ttl(value))
        : ttl
  return inTime(age, clock)
}

/** So long from now. */
const inTime = (age: Duration | undefined, clock: () => number): number =>
  age === undefined ? Number.POSITIVE_INFINITY : clock() + milliseconds(age, 'ttl')
