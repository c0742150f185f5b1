/**
 * The life of one call, and the one place where all rooms meet: key → find → (take a turn → run → keep) → value.
 *
 * The law: whatever fails here before or after the function runs, the caller gets what the function returned or threw. A
 * failure becomes a warning and an uncached call.
 */
import { types } from 'node:util'
import { CodecError } from './errors.ts'
import { emit } from './events.ts'
import { type Found, find, isFresh } from './find.ts'
import { depend, type Frame, frameOf, isRunningAround, outside, within } from './frame.ts'
import { asFailure, attempt, guarded, uncached } from './guard.ts'
import { type Flight, type Kept, keep } from './keep.ts'
import { type Keyed, keyOf, plainKey } from './key.ts'
import { disabled } from './lookup.ts'
import type { Memo, Room } from './memo.ts'
import { inherit, observed } from './observe.ts'
import { nameOf } from './recorded.ts'
import type { Lease } from './store/contract.ts'
import { giveBack, type Turn, takeTurn, waitBlocking, waitPolitely } from './turn.ts'

/** One call on its way. */
interface Call {
  readonly memo: Memo
  readonly room: Room
  readonly keyed: Keyed
  readonly self: unknown
  readonly args: readonly unknown[]
  /** A result that has expired, and may be better than none. */
  readonly stale?: Found
}

/** Answer the call from the cache, or run the function and keep what it returns. */
export function call(memo: Memo, self: unknown, args: readonly unknown[]): unknown {
  return withKey(memo, self, args, (keyed, room) => {
    const { digest } = keyed.key
    const flight = room.flights.get(digest)
    const one: Call = { memo, room, keyed, self, args }
    if (flight !== undefined && !isRunningAround(digest)) return join(one, flight)
    const found = find(memo, room, keyed.key)
    if (found === undefined) return compute(one, takeTurn(memo, room, keyed.key))
    if (isFresh(found)) return answer(one, found)
    if (found.staleFor < memo.staleWhileRevalidate) {
      revalidate(one)
      return answer(one, found)
    }
    return compute({ ...one, stale: found }, takeTurn(memo, room, keyed.key))
  })
}

/** Run the function whatever is kept, and replace it. */
export function refresh(memo: Memo, self: unknown, args: readonly unknown[]): unknown {
  return withKey(memo, self, args, (keyed, room) => {
    const one: Call = { memo, room, keyed, self, args }
    return land(one, run(one, undefined))
  })
}

function withKey(
  memo: Memo,
  self: unknown,
  args: readonly unknown[],
  proceed: (keyed: Keyed, room: Room) => unknown,
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
  return proceed(keyed, room)
}

// hits -------------------------------------------------------------------------------------------------------------

/** What was found, as the function would give it. */
function answer(one: Call, { entry, recorded, value }: Found): unknown {
  const { keyed, memo, room } = one
  const { computeTime, expiresAt, size } = entry
  depend(keyed.inputPaths, expiresAt)
  inherit(keyed, recorded)
  countHit(one, computeTime, entry.key.digest)
  emit('hit', () => ({ name: memo.name, key: plainKey(keyed.key), computeTime, size }))
  if (memo.learnt.async === undefined) memo.learnt.async = entry.async
  return entry.async ? Promise.resolve(value) : value

  function countHit({ memo: { name } }: Call, timeSaved: number, touched: typeof entry.key.digest): void {
    guarded(memo, room, () => {
      room.count(name, { hits: 1, timeSaved })
      room.store()?.count(name, { hits: 1, timeSaved }, touched)
    })
  }
}

/** A call like one that is running: wait for that one, and take a copy; where there is none to take, run as well. */
async function join(one: Call, flight: Flight): Promise<unknown> {
  const { keyed, memo, room } = one
  flight.joined = true
  const { copy, frame, value } = await flight.landed
  depend([...keyed.inputPaths, ...frame.files], frame.expiresAt)
  const own = isPrimitive(value) ? { value } : copy && guarded(memo, room, () => ({ value: copy() }))
  if (own === undefined) return land(one, run(one, undefined))
  guarded(memo, room, () => {
    room.count(memo.name, { hits: 1 })
    room.store()?.count(memo.name, { hits: 1 }, keyed.key.digest)
  })
  emit('hit', () => ({ name: memo.name, key: plainKey(keyed.key), joined: true }))
  return own.value
}

const isPrimitive = (value: unknown): boolean =>
  value === null || (typeof value !== 'object' && typeof value !== 'function')

// misses -----------------------------------------------------------------------------------------------------------

/** What a run of the function came to: a value, or a promise of one that others may join. */
type Outcome = { readonly value: unknown } | { readonly flight: Flight }

function compute(one: Call, turn: Turn): unknown {
  const { keyed, memo, room } = one
  if (turn.kind === 'found') return answer(one, turn.found)
  if (turn.kind === 'compute') return land(one, run(one, turn.lease))
  if (turn.async) return land(one, { flight: { landed: flyLater(one), joined: false } })
  return compute(one, waitBlocking(memo, room, keyed.key))
}

/** Somebody else is at it: their result, or else our own. */
async function flyLater(one: Call): Promise<Kept> {
  const { keyed, memo, room } = one
  const turn = await waitPolitely(memo, room, keyed.key)
  if (turn.kind === 'found') {
    const { bytes, entry, recorded } = turn.found
    const frame: Frame = {
      ...frameOf(keyed.key.digest),
      files: new Set(recorded.map(nameOf)),
      expiresAt: entry.expiresAt ?? Number.POSITIVE_INFINITY,
    }
    return { value: await answer(one, turn.found), copy: () => memo.codec.decode(bytes), frame }
  }
  const outcome = run(one, turn.kind === 'compute' ? turn.lease : undefined)
  return 'flight' in outcome
    ? outcome.flight.landed
    : { value: outcome.value, copy: undefined, frame: frameOf(keyed.key.digest) }
}

/** The outcome as the function would give it; a flight can be joined until it has landed. */
function land({ keyed, room }: Call, outcome: Outcome): unknown {
  if ('value' in outcome) return outcome.value
  const { flight } = outcome
  const { digest } = keyed.key
  room.flights.set(digest, flight)
  const landed = (): void => {
    if (room.flights.get(digest) === flight) room.flights.delete(digest)
  }
  flight.landed.then(landed, landed)
  return flight.landed.then(({ value }) => value)
}

/** Runs the function and keeps what it returns. Throws what it throws. */
function run(one: Call, lease: Lease | undefined): Outcome {
  const { args, keyed, memo, room, self } = one
  const { learnt } = memo
  emit('miss', () => ({ name: memo.name, key: plainKey(keyed.key) }))
  const frame = frameOf(keyed.key.digest)
  const began = performance.now()
  const learn = (async: boolean): number => {
    const elapsed = performance.now() - began
    learnt.slowest = Math.max(learnt.slowest ?? 0, elapsed)
    learnt.async = async
    return elapsed
  }
  const finish = (value: unknown, async: boolean): Uint8Array | undefined => {
    try {
      const elapsed = learn(async)
      return keep(memo, room, { keyed, self, args, frame, value, elapsed, async, lease })
    } finally {
      giveBack(memo, room, lease, 'unkept')
    }
  }
  const failed = (error: unknown): Outcome => {
    learn(learnt.async ?? false)
    giveBack(memo, room, lease, 'done')
    const { stale } = one
    if (stale === undefined || stale.staleFor >= memo.staleIfError) throw error
    emit('stale', () => ({ name: memo.name, key: plainKey(keyed.key), error }))
    return { value: answer(one, stale) }
  }
  let result: unknown
  try {
    result = within(frame, () => observed(memo, keyed, frame, () => Reflect.apply(memo.fn, self, args)))
  } catch (error) {
    return failed(error)
  }
  if (!types.isPromise(result)) {
    finish(result, false)
    return { value: result }
  }
  if (!isPlain(result)) {
    giveBack(memo, room, lease, 'unkept')
    const failure = new CodecError('ERR_UNENCODABLE', 'cannot keep a promise that has properties of its own')
    uncached(memo, room, failure)
    if (memo.onUncacheable === 'throw') throw failure
    return { value: result }
  }
  if (lease !== undefined) guarded(memo, room, () => room.store()?.leases.renew(lease))
  const copying = (bytes: Uint8Array | undefined) => bytes && (() => memo.codec.decode(bytes))
  const landed = result.then(
    (value): Kept => {
      const bytes =
        finish(value, true) ?? (flight.joined ? attempt(() => memo.codec.encode(value)) : undefined)
      return { value, copy: copying(bytes), frame }
    },
    async (error): Promise<Kept> => {
      const outcome = failed(error)
      const value = 'value' in outcome ? await outcome.value : undefined
      return { value, copy: copying(one.stale?.bytes), frame }
    },
  )
  const flight: Flight = { landed, joined: false }
  return { flight }
}

/** Whether a promise is no more than that: one with properties, or of a class of the user's, cannot be made again. */
function isPlain(promise: Promise<unknown>): boolean {
  const above = Object.getPrototypeOf(Object.getPrototypeOf(promise)) as object | null
  return (
    Object.getOwnPropertyNames(promise).length === 0 &&
    above !== null &&
    Object.getPrototypeOf(above) === null
  )
}

/** Computes an expired result again, apart from everybody; one at a time, here and, by the lease, elsewhere. */
function revalidate(one: Call): void {
  const { args, keyed, memo, room, self } = one
  const { digest } = keyed.key
  if (room.revalidating.has(digest)) return
  room.revalidating.add(digest)
  const failed = (error: unknown): void =>
    emit('stale', () => ({ name: memo.name, key: plainKey(keyed.key), error }))
  const done = (): void => void room.revalidating.delete(digest)
  setImmediate(() => {
    outside(() => {
      try {
        // the arguments may have been changed by now, or what the function captures
        const turn: Turn | undefined =
          keyOf(memo, self, args).key.digest === digest ? takeTurn(memo, room, keyed.key) : undefined
        const outcome = turn?.kind === 'compute' ? run(one, turn.lease) : undefined
        if (outcome !== undefined && 'flight' in outcome) outcome.flight.landed.catch(failed).then(done)
        else done()
      } catch (error) {
        failed(error)
        done()
      }
    })
  })
}
