/**
 * The life of one call, and the one place where all rooms meet: key → find → (run → keep) → value.
 *
 * Two laws. Whatever fails here before or after the function runs, the caller gets what the function returned or
 * threw: a failure becomes a warning and an uncached call. And nothing is kept unless it is certain to be what the
 * function would return for that key.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { types } from 'node:util'
import { ask, CodecError, messageOf, PermafrostError, StoreError, UncertainError } from './errors.ts'
import { emit } from './events.ts'
import { explain, notesOf } from './explain.ts'
import { type Keyed, keyOf, type Subject } from './key.ts'
import { milliseconds } from './options.ts'
import type { Store } from './store/store.ts'
import type { CallKey, Codec, Digest, Duration, Entry, MissReason } from './types.ts'

/** What the calls of one directory share. */
export interface Room {
  /** Undefined while the directory cannot be used. */
  store(): Store | undefined
  readonly clock: () => number
  readonly flights: Map<string, Promise<Kept>>
  /** Tell of a failure that the call survived. `subject` is the function's name. */
  report(error: PermafrostError, subject: string): void
  count(name: string, what: Counted): void
}

export interface Counted {
  readonly hits?: number
  readonly misses?: number
  readonly timeSaved?: number
  readonly timeSpent?: number
}

/** One memoized function: what it is, where its results go and under which conditions. */
export interface Memo extends Subject {
  readonly room: () => Room
  readonly codec: Codec
  readonly shouldCache:
    | ((value: any, context: { readonly key: CallKey; readonly elapsed: number }) => boolean)
    | undefined
  readonly ttl: Duration | ((value: any) => Duration | undefined) | undefined
  readonly keepVersions: number
  readonly tags: readonly string[]
  readonly onUncacheable: 'warn' | 'throw' | 'ignore'
}

/** A value as computed, and its bytes if it could be encoded: whoever joined the call gets a copy of its own. */
export interface Kept {
  readonly value: unknown
  readonly bytes: Uint8Array | undefined
  readonly frame: Frame
}

/**
 * The memoized call that is running around the present one. What an inner call depends on, the outer one does too:
 * it is kept only if its own key covers the files, and no longer than the inner result lives.
 */
interface Frame {
  readonly digest: Digest
  readonly outer: Frame | undefined
  readonly files: Set<string>
  expiresAt: number
}

const frames = new AsyncLocalStorage<Frame>()
const disabled = (): boolean => /^(?:1|true|yes|on)$/i.test(process.env['PERMAFROST_DISABLE'] ?? '')

/** Answer the call from the cache, or run the function and keep what it returns. */
export function call(memo: Memo, self: unknown, args: readonly unknown[]): unknown {
  return withKey(memo, self, args, (keyed, room) => {
    const { digest } = keyed.key
    const flight = room.flights.get(digest)
    if (flight !== undefined && !isRunningAround(digest)) return join(memo, room, keyed, flight)
    const found = find(memo, room, keyed.key)
    if (found === undefined) return run(memo, room, keyed, self, args)
    hit(memo, room, keyed, found.entry)
    return found.entry.async ? Promise.resolve(found.value) : found.value
  })
}

/** Run the function whatever is kept, and replace it. */
export function refresh(memo: Memo, self: unknown, args: readonly unknown[]): unknown {
  return withKey(memo, self, args, (keyed, room) => run(memo, room, keyed, self, args))
}

function withKey(
  memo: Memo,
  self: unknown,
  args: readonly unknown[],
  answer: (keyed: Keyed, room: Room) => unknown,
): unknown {
  if (disabled()) return Reflect.apply(memo.fn, self, args)
  const room = memo.room()
  let keyed: Keyed
  try {
    keyed = keyOf(memo, self, args)
  } catch (error) {
    const failure = asFailure(error)
    uncached(memo, room, failure)
    if (memo.onUncacheable !== 'throw') return Reflect.apply(memo.fn, self, args)
    if (types.isAsyncFunction(memo.fn)) return Promise.reject(failure)
    throw failure
  }
  return answer(keyed, room)
}

/** A call that waits for itself would wait for ever. */
function isRunningAround(digest: Digest): boolean {
  for (let frame = frames.getStore(); frame !== undefined; frame = frame.outer) {
    if (frame.digest === digest) return true
  }
  return false
}

interface Found {
  readonly entry: Entry
  readonly value: unknown
}

function find(memo: Memo, room: Room, key: CallKey): Found | undefined {
  return guarded(memo, room, () => {
    const store = room.store()
    const entry = store?.find(key.digest)
    if (store === undefined || entry === undefined) return undefined
    if (isExpired(entry, room) || entry.codec !== memo.codec.name) return undefined
    const bytes = store.read(entry)
    return bytes === undefined ? undefined : { entry, value: memo.codec.decode(bytes) }
  })
}

const isExpired = ({ expiresAt }: Entry, { clock }: Room): boolean =>
  expiresAt !== undefined && expiresAt <= clock()

function hit(memo: Memo, room: Room, keyed: Keyed, entry: Entry): void {
  depend(keyed.inputPaths, entry.expiresAt)
  guarded(memo, room, () => {
    room.count(memo.name, { hits: 1, timeSaved: entry.computeTime })
    room.store()?.count(memo.name, { hits: 1, timeSaved: entry.computeTime }, entry.key.digest)
  })
  emit('hit', () => ({ name: memo.name, key: keyed.key, computeTime: entry.computeTime, size: entry.size }))
}

/** Tell the call around this one what its result now depends on. */
function depend(files: Iterable<string>, expiresAt = Number.POSITIVE_INFINITY): void {
  const outer = frames.getStore()
  if (outer === undefined) return
  for (const path of files) outer.files.add(path)
  outer.expiresAt = Math.min(outer.expiresAt, expiresAt)
}

/** A call like one that is running: wait for that one, and take a copy. */
async function join(memo: Memo, room: Room, keyed: Keyed, flight: Promise<Kept>): Promise<unknown> {
  const { bytes, frame, value } = await flight
  depend([...keyed.inputPaths, ...frame.files], frame.expiresAt)
  guarded(memo, room, () => {
    room.count(memo.name, { hits: 1 })
    room.store()?.count(memo.name, { hits: 1 }, keyed.key.digest)
  })
  emit('hit', () => ({ name: memo.name, key: keyed.key, joined: true }))
  const copy = bytes && guarded(memo, room, () => ({ value: memo.codec.decode(bytes) }))
  return copy === undefined ? value : copy.value
}

function run(memo: Memo, room: Room, keyed: Keyed, self: unknown, args: readonly unknown[]): unknown {
  emit('miss', () => ({ name: memo.name, key: keyed.key }))
  const { digest } = keyed.key
  const frame: Frame = {
    digest,
    outer: frames.getStore(),
    files: new Set(),
    expiresAt: Number.POSITIVE_INFINITY,
  }
  const began = performance.now()
  const finish = (value: unknown, async: boolean) =>
    keep(memo, room, { keyed, self, args, frame, value, elapsed: performance.now() - began, async })
  const result: unknown = frames.run(frame, () => Reflect.apply(memo.fn, self, args))
  if (!types.isPromise(result)) {
    finish(result, false)
    return result
  }
  const flight = result.then((value): Kept => ({ value, bytes: finish(value, true), frame }))
  room.flights.set(digest, flight)
  const landed = () => {
    if (room.flights.get(digest) === flight) room.flights.delete(digest)
  }
  flight.then(landed, landed)
  return flight.then(({ value }) => value)
}

interface Finished {
  readonly keyed: Keyed
  readonly self: unknown
  readonly args: readonly unknown[]
  readonly frame: Frame
  readonly value: unknown
  readonly elapsed: number
  readonly async: boolean
}

/** Keep a result if it may be kept. Gives its bytes if it was encoded; throws only for `onUncacheable: 'throw'`. */
function keep(memo: Memo, room: Room, finished: Finished): Uint8Array | undefined {
  const { elapsed, frame, keyed } = finished
  const kept = guarded(memo, room, () => {
    room.count(memo.name, { misses: 1, timeSpent: elapsed })
    room.store()?.count(memo.name, { misses: 1, timeSpent: elapsed })
    return encoded(memo, room, finished)
  })
  // the call around this one depends on all that this one did, kept or not
  depend([...keyed.inputPaths, ...frame.files], frame.expiresAt)
  if (kept === undefined || kept instanceof Uint8Array) return kept
  uncached(memo, room, kept)
  if (memo.onUncacheable === 'throw') throw kept
  return undefined
}

/** Encode and store a value. Gives the bytes; or why it cannot be cached; or nothing where it should not be. */
function encoded(memo: Memo, room: Room, finished: Finished): Uint8Array | PermafrostError | undefined {
  const { async, elapsed, frame, keyed, value } = finished
  const uncertain = whyUncertain(memo, finished)
  if (uncertain !== undefined) return uncertain
  const { codec, shouldCache } = memo
  if (shouldCache !== undefined && !ask('shouldCache', () => shouldCache(value, { key: keyed.key, elapsed })))
    return
  const expiresAt = Math.min(frame.expiresAt, expiry(memo, room, value))
  frame.expiresAt = expiresAt
  let bytes: Uint8Array
  try {
    bytes = codec.encode(value)
  } catch (error) {
    return error instanceof CodecError
      ? error
      : new CodecError('ERR_UNENCODABLE', messageOf(error), '', { cause: error })
  }
  const store = room.store()
  if (store === undefined || store.readonly) return bytes
  const put = store.put(
    {
      key: keyed.key,
      computeTime: elapsed,
      ...(expiresAt !== Number.POSITIVE_INFINITY && { expiresAt }),
      codec: codec.name,
      async,
      tags: memo.tags,
      keepVersions: memo.keepVersions,
      ...(elapsed >= WORTH_A_NOTE && notesOf(memo, finished.self, finished.args)),
    },
    bytes,
  )
  if (put !== undefined)
    emit('put', () => ({ name: memo.name, key: keyed.key, size: put.size, computeTime: elapsed }))
  return bytes
}

/** Why a finished call must not be kept: what it read may not be what its key says. */
function whyUncertain(memo: Memo, { args, async, frame, keyed, self }: Finished): UncertainError | undefined {
  for (const path of frame.files) {
    if (!keyed.inputPaths.includes(path)) {
      return new UncertainError(
        `it calls a function with the input file ${path}, which is not among its own arguments`,
      )
    }
  }
  if (!async && keyed.inputPaths.length === 0) return undefined
  const now = keyOf(memo, self, args).key
  if (now.inputs !== keyed.key.inputs) {
    return new UncertainError(`one of its input files (${keyed.inputPaths.join(', ')}) changed while it ran`)
  }
  // while an asynchronous function waits, others may change what it reads next
  if (async && now.digest !== keyed.key.digest) {
    return new UncertainError('its arguments, or what it captures, changed while it ran')
  }
  return undefined
}

function expiry({ ttl }: Memo, { clock }: Room, value: unknown): number {
  const age = typeof ttl === 'function' ? ask('ttl', () => ttl(value)) : ttl
  return age === undefined ? Number.POSITIVE_INFINITY : clock() + milliseconds(age, 'ttl')
}

/** Milliseconds from which a call is worth the microseconds of noting what it was, to explain later misses by. */
const WORTH_A_NOTE = 1

// inspection -------------------------------------------------------------------------------------------------------

/** The entry and its value as a call would find them, or why it would miss. Counts nothing, changes nothing but what a damaged object costs. */
export type Lookup<T> =
  | { readonly hit: true; readonly value: T; readonly entry: Entry }
  | { readonly hit: false; readonly reason: MissReason; readonly explanation: string }

export function wouldHit(memo: Memo, self: unknown, args: readonly unknown[]): boolean {
  return lookup(memo, self, args).hit
}

/** One line for people: whether a call would hit, and if not, what changed. */
export function why(memo: Memo, self: unknown, args: readonly unknown[]): string {
  const found = lookup(memo, self, args)
  if (!found.hit) return `${found.reason}: ${found.explanation}`
  const { computeTime, createdAt } = found.entry
  return `hit: kept since ${new Date(createdAt).toISOString()}, computed in ${Math.round(computeTime)} ms`
}

export function lookup(memo: Memo, self: unknown, args: readonly unknown[]): Lookup<any> {
  const { key } = keyOf(memo, self, args)
  const room = memo.room()
  const store = room.store()
  if (disabled()) return { hit: false, reason: 'absent', explanation: 'PERMAFROST_DISABLE is set' }
  if (store === undefined) {
    return { hit: false, reason: 'absent', explanation: 'the cache directory cannot be used' }
  }
  const entry = store.find(key.digest)
  if (entry === undefined) return { hit: false, ...explain(memo, self, args, key, store) }
  if (isExpired(entry, room)) {
    return {
      hit: false,
      reason: 'expired',
      explanation: `it expired at ${new Date(entry.expiresAt!).toISOString()}`,
    }
  }
  if (entry.codec !== memo.codec.name) {
    return {
      hit: false,
      reason: 'lost',
      explanation: `it was stored with the codec ${entry.codec}, not ${memo.codec.name}`,
    }
  }
  const bytes = store.has(entry) ? store.read(entry) : undefined
  if (bytes === undefined)
    return { hit: false, reason: 'lost', explanation: 'its object is missing or damaged' }
  try {
    return { hit: true, value: memo.codec.decode(bytes), entry }
  } catch (error) {
    if (error instanceof CodecError) return { hit: false, reason: 'lost', explanation: error.message }
    throw error
  }
}

// failure ----------------------------------------------------------------------------------------------------------

/** Do something with the cache; a failure is told, and the answer is undefined. */
function guarded<T>(memo: Memo, room: Room, act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    room.report(asFailure(error), memo.name)
    return undefined
  }
}

/** This call cannot be cached. */
function uncached({ name, onUncacheable }: Memo, room: Room, failure: PermafrostError): void {
  emit('uncached', () => ({ name, error: failure }))
  if (onUncacheable === 'warn') room.report(failure, name)
}

/** What was thrown at us, as an error of ours. */
function asFailure(error: unknown): PermafrostError {
  try {
    if (error instanceof PermafrostError) return error
  } catch {
    // a proxy that was revoked
  }
  return new StoreError('ERR_STORE_IO', messageOf(error), { cause: error })
}
