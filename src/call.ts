/**
 * The life of one call, and the one place where all rooms meet: key → find → (take a turn → run → keep) → value.
 *
 * The law: whatever fails here before or after the function runs, the caller gets what the function returned or threw. A
 * failure becomes a warning and an uncached call.
 */
import { performance } from 'node:perf_hooks'
import timers from 'node:timers'
import { types } from 'node:util'
import { isAborted, signalsIn, unlessAborted } from './abort.ts'
import { answer, apart, type Call, countHit, hitFor, isAsMade, resumed } from './answer.ts'
import { before, lookForMutation } from './audit.ts'
import { CodecError } from './errors.ts'
import { expiryOf, type Found, find, isFresh } from './find.ts'
import { conclude, depend, frameOf, waitingFor, within, wouldCircle } from './frame.ts'
import { asFailure, attempt, guarded, uncached } from './guard.ts'
import { doubtOf, expiryAtOnce, type Flight, isPlainPromise, type Kept, keep } from './keep.ts'
import { type Keyed, keyOf } from './key.ts'
import { disabled } from './lookup.ts'
import type { Memo } from './memo.ts'
import { failing, note, noteRun, noteUnkeyed, orFailing, runUnkeyed } from './noted.ts'
import { inherit, observed, recordedBy } from './observe.ts'
import { decodeOutcome, encodeOutcome, type Outcome } from './outcome.ts'
import { replay, startRecording } from './output.ts'
import { record } from './record.ts'
import { whyRequired } from './require.ts'
import { outdate, runningOf } from './running.ts'
import { inquire, isAsked, leave as leaveShared, overtaken, type Sharing, send, sharingOf } from './share.ts'
import type { Lease } from './store/contract.ts'
import { exhaust, type Streaming, streamOf } from './stream/stream.ts'
import { startTiming } from './timing.ts'
import { tellHit, tellMiss, tellStale } from './told.ts'
import { giveBack, type Turn, takeTurn, waitBlocking, waitPolitely } from './turn.ts'
import type { Entry } from './types.ts'
import { shortened } from './words.ts'

// as it was when this was loaded: programs put others in its place
const { setImmediate } = timers

/** Answer the call from the cache, or run the function and keep what it returns. */
export const call = (memo: Memo, self: unknown, args: readonly unknown[]): unknown =>
  withKey(memo, self, args, proceed)

function proceed(one: Call): unknown {
  const { keyed, memo, room, timing } = one
  const { digest } = keyed.key
  const flight = room.flights.get(digest)
  if (flight !== undefined && !flight.isOutdated && !wouldCircle(digest)) return join(one, flight)
  const found = find(memo, room, keyed.key, timing)
  if (found === undefined && memo.isAsyncGenerator && isAsked(one)) return askedFor(one, sharingOf(one))
  if (found === undefined) return compute(one, takeTurn(memo, room, keyed.key))
  if (isFresh(found)) return answer(one, found)
  if (found.staleFor < memo.staleWhileRevalidate) {
    revalidate(one)
    return answer(one, found)
  }
  return compute({ ...one, stale: found }, takeTurn(memo, room, keyed.key))
}

/** Run the function whatever is kept, and replace it. */
export function refresh(memo: Memo, self: unknown, args: readonly unknown[]): unknown {
  return withKey(memo, self, args, (one) => {
    outdate(one.room, { digest: one.keyed.key.digest })
    return land(one, run(one, undefined, 'refresh'))
  })
}

function withKey(memo: Memo, self: unknown, args: readonly unknown[], goOn: (one: Call) => unknown): unknown {
  if (disabled()) {
    depend([], undefined, `it calls ${memo.name} while PERMAFROST_DISABLE is set`)
    return Reflect.apply(memo.fn, self, args)
  }
  const room = memo.room()
  const began = performance.now()
  const timing = startTiming()
  let keyed: Keyed
  try {
    keyed = timing === undefined ? keyOf(memo, self, args) : timing.step('key', () => keyOf(memo, self, args))
  } catch (error) {
    const failure = asFailure(error)
    uncached(memo, room, failure)
    // nobody knows its input files
    depend([], expiryAtOnce(memo, room), `it calls a function, but ${failure.message}`)
    const refused = whyRequired(memo.resultsOnly, () => memo.name) ?? failure
    if (refused === failure && memo.onUncacheable !== 'throw')
      return runUnkeyed(memo, room, self, args, began)
    noteUnkeyed(memo, room, args, began, { error: refused })
    if (memo.isAsync) return Promise.reject(refused)
    throw refused
  }
  return goOn({ memo, room, keyed, self, args, began, since: began, timing })
}

// others that are at it -------------------------------------------------------------------------------------------

/** A call like one that is running: wait for that one, and take a copy; where there is none to take, run as well. */
async function join(one: Call, flight: Flight): Promise<unknown> {
  const { args, keyed, memo, room, self } = one
  const signals = signalsIn(args)
  flight.joined = true
  let kept: Kept
  try {
    kept = await unlessAborted(waitingFor(keyed.key.digest, flight.landed), signals)
  } catch (error) {
    // somebody else has given up, or has changed what he gave, not this caller
    if ((flight.isAborted() && !isAborted(signals)) || !flight.isAsMade()) return call(memo, self, args)
    depend(keyed.inputPaths, undefined, 'a call that it waited for failed')
    failing(one, error)
    throw error
  }
  const { copy, frame, recorded } = kept
  inherit(keyed, recorded, Math.min(frame.expiresAt, expiryAtOnce(memo, room)))
  depend(frame.files, undefined, frame.doubt)
  const own = copy && !flight.isAborted() ? guarded(memo, room, copy) : undefined
  if (own === undefined) return land(one, run(resumed(one), undefined))
  countHit(one)
  tellHit(one, { joined: true })
  note(one, 'joined')
  if (memo.captureOutput) replay(own.printed ?? [])
  return own.value
}

// misses -----------------------------------------------------------------------------------------------------------

/** What running the function gave: a value, or a promise of one that others may join. */
type Ran = { readonly value: unknown } | { readonly flight: Flight }

function compute(one: Call, turn: Turn): unknown {
  const { keyed, memo, room } = one
  if (turn.kind === 'found') return answer(one, turn.found)
  if (turn.kind === 'compute') {
    return land(
      one,
      isAsked(one) ? { flight: flightOf(one, flyShared(one, turn.lease)) } : run(one, turn.lease),
    )
  }
  if (turn.async) return land(one, { flight: flightOf(one, flyLater(one)) })
  const next = waitBlocking(memo, room, keyed.key)
  return compute({ ...one, began: performance.now() }, next)
}

/** Somebody else is at it: their result, or else our own. */
async function flyLater(early: Call): Promise<Kept> {
  const { args, keyed, memo, room } = early
  const waiting = unlessAborted(waitPolitely(memo, room, keyed.key), signalsIn(args))
  const turn = await orFailing(early, waiting)
  const one = resumed(early)
  if (turn.kind === 'found') return hitFor(one, turn.found)
  const lease = turn.kind === 'compute' ? turn.lease : undefined
  return isAsked(one) ? flyShared(one, lease) : ranTo(one, run(one, lease))
}

/** Others may have computed it, or be at it, on another machine. */
async function flyShared(early: Call, lease: Lease | undefined): Promise<Kept> {
  const sharing = sharingOf(early)
  const found = await ofOthers(early, sharing, lease)
  const one = { ...resumed(early), sharing }
  if (found !== undefined) return hitFor(one, found)
  const kept = await ranTo(one, run(one, lease))
  const theirs = sharing && (await overtaken(one, sharing))
  return theirs === undefined ? kept : hitFor({ ...one, isNoted: true }, theirs)
}

/** What others have. Gives lease and right back where nothing is to be computed under them. */
async function ofOthers(
  one: Call,
  sharing: Sharing | undefined,
  lease: Lease | undefined,
): Promise<Found | undefined> {
  let found: Found | undefined | 'given up' = 'given up'
  try {
    found = sharing && (await orFailing(one, inquire(one, sharing)))
    return found
  } finally {
    if (found !== undefined) {
      giveBack(one.memo, one.room, lease, 'done')
      if (sharing !== undefined) leaveShared(sharing)
    }
  }
}

/** The values of an asynchronous generator, once somebody wants one: what others have recorded, or the function's own. */
async function* askedFor(asked: Call, sharing: Sharing | undefined): AsyncGenerator {
  const early = { ...asked, since: performance.now() }
  const { keyed, memo, room } = early
  const first = takeTurn(memo, room, keyed.key)
  const turn = first.kind === 'wait' ? await waitPolitely(memo, room, keyed.key) : first
  const lease = turn.kind === 'compute' ? turn.lease : undefined
  const found = turn.kind === 'found' ? turn.found : await ofOthers(early, sharing, lease)
  const one = { ...resumed(early), sharing }
  const ran: Ran = found === undefined ? run(one, lease) : { value: answer(one, found) }
  return yield* ('value' in ran ? ran.value : (await ran.flight.landed).value) as AsyncGenerator
}

const ranTo = (one: Call, ran: Ran): Kept | Promise<Kept> =>
  'flight' in ran
    ? ran.flight.landed
    : { value: ran.value, copy: undefined, frame: frameOf(one.keyed.key.digest), recorded: [] }

const flightOf = (one: Call, landed: Promise<Kept>): Flight => {
  const { args, keyed, memo } = one
  const signals = signalsIn(args)
  const asked = { isAborted: () => isAborted(signals), isAsMade: () => isAsMade(one) }
  return { ...runningOf(memo, keyed.key), landed, joined: false, ...asked }
}

/** What was run as the function would give it; a flight can be joined until it has landed. */
function land({ keyed, room }: Call, ran: Ran): unknown {
  if ('value' in ran) return ran.value
  const { flight } = ran
  const { digest } = keyed.key
  room.flights.set(digest, flight)
  const landed = (): void => {
    if (room.flights.get(digest) === flight) room.flights.delete(digest)
  }
  flight.landed.then(landed, landed)
  return flight.landed.then(({ value }) => value)
}

/**
 * Runs the function and keeps what comes of it. Throws what it throws.
 * @param because why it is computed, if not because nothing fresh was found
 */
function run(asked: Call, lease: Lease | undefined, because?: 'refresh' | 'revalidate'): Ran {
  const { args, keyed, memo, room, self, timing } = asked
  const required = whyRequired(memo.resultsOnly, () => `${memo.name}(${shortened(args)})`)
  const sharing = asked.sharing ?? (required === undefined ? sharingOf(asked) : undefined)
  const one: Call = sharing === asked.sharing ? asked : { ...asked, sharing }
  if (required !== undefined) {
    giveBack(memo, room, lease, 'done')
    if (sharing !== undefined) leaveShared(sharing)
    failing(one, required)
    if (memo.isAsync) return { value: Promise.reject(required) }
    throw required
  }
  if (sharing !== undefined && because !== undefined) sharing.over = true
  tellMiss(one, because)
  const frame = frameOf(keyed.key.digest, lease)
  frame.doubt = one.doubt
  const signals = signalsIn(args)
  let flight: Flight | undefined
  const running = runningOf(memo, keyed.key)
  room.running.add(running)
  const isOutdated = () => running.isOutdated || isAborted(signals)
  const recording = memo.captureOutput ? startRecording() : undefined
  const watched = memo.audit === 'mutation' ? before(memo, self, args) : undefined
  const began = performance.now()
  /** The function has done what it does. How long it took. */
  const worked = (): number => {
    const elapsed = performance.now() - began
    memo.learnt.calls += 1
    memo.learnt.time += elapsed
    timing?.add('compute', elapsed)
    return elapsed
  }
  const sent = sharing && ((entry: Entry, threw: boolean) => send(one, sharing, entry, threw))
  /** Others may have their turn. */
  const leave = (how: Parameters<typeof giveBack>[3]): void => {
    room.running.delete(running)
    giveBack(memo, room, lease, how)
    if (sharing !== undefined) leaveShared(sharing)
    timing?.tell('miss', memo.name, keyed.key.digest)
  }
  const finish = (came: Pick<Outcome, 'value' | 'thrown'>, async: boolean): ReturnType<typeof keep> => {
    recording?.stop()
    const elapsed = worked()
    const outcome = recording === undefined ? came : { ...came, printed: recording.printed }
    const finished = { keyed, self, args, frame, outcome, elapsed, async, lease, timing, send: sent }
    try {
      const kept = keep(memo, room, { ...finished, isOutdated: isOutdated() })
      if (outcome.thrown === undefined) noteRun(one, elapsed, kept)
      return kept
    } catch (error) {
      failing(one, error)
      throw error
    } finally {
      leave('unkept')
      const overhead = performance.now() - one.began - elapsed
      guarded(memo, room, () => room.count(memo.name, { overhead }))
      if (watched !== undefined) lookForMutation(memo, self, args, keyed, watched)
    }
  }
  /** The stream goes to the caller now; it is kept, if ever, when that one is done with it. */
  const stream = (streaming: Streaming, async: boolean): unknown => {
    const elapsed = worked()
    leave('unkept')
    note(one, 'computed', { computeTime: elapsed })
    const streamed = { keyed, self, args, frame, elapsed, async, output: recording, running, send: sent }
    return record(memo, room, streamed, streaming)
  }
  const invoke = (): unknown => Reflect.apply(memo.fn, self, args)
  let result: unknown
  try {
    result = within(frame, () =>
      observed(memo, keyed, frame, () => (recording === undefined ? invoke() : recording.run(invoke))),
    )
  } catch (error) {
    memo.learnt.isSync = true
    return { value: failed(error, false) }
  }
  if (!types.isPromise(result)) {
    memo.learnt.isSync = true
    const streaming = streamOf(result)
    if (streaming !== undefined) return { value: stream(streaming, false) }
    finish({ value: result }, false)
    return { value: result }
  }
  if (!isPlainPromise(result)) {
    recording?.stop()
    leave('unkept')
    const failure = new CodecError('ERR_UNENCODABLE', 'cannot keep a promise that has properties of its own')
    uncached(memo, room, failure)
    // when it ends, and what it reads until then, only its caller knows
    conclude(frame, keyed.inputPaths, expiryAtOnce(memo, room), `it calls a function, but ${failure.message}`)
    if (memo.onUncacheable !== 'throw') {
      note(one, 'uncached')
      return { value: result }
    }
    failing(one, failure)
    // it is not handed on, so nobody else will look at how it ends
    attempt(() => Promise.prototype.then.call(result, undefined, () => undefined))
    throw failure
  }
  memo.learnt.isAsync = true
  if (lease !== undefined) guarded(memo, room, () => room.store()?.leases.renew(lease))
  const landed = result.then(
    (value): Kept => {
      const streaming = streamOf(value)
      if (streaming !== undefined)
        return { value: stream(streaming, true), copy: undefined, frame, recorded: [] }
      const kept = finish({ value }, true)
      return { value, copy: copyOf(kept, value), frame, recorded: recordedBy(frame) }
    },
    async (error): Promise<Kept> => {
      const value = await failed(error, true)
      // nothing was thrown, so something stale stands in
      const { copy, recorded } = one.stale!
      return { value, copy, frame, recorded: [...recordedBy(frame), ...recorded] }
    },
  )
  flight = flightOf(one, landed)
  return { flight }

  /** Leaves are memory of the value, which whoever called first may change as soon as they have it. */
  function copyOf(kept: ReturnType<typeof keep>, value: unknown): Kept['copy'] {
    const isApart = kept !== undefined && kept !== 'unwanted' && kept.leaves.length === 0
    const isToBeEncoded = !isApart && kept !== undefined && flight?.joined === true
    const made = isApart
      ? kept
      : isToBeEncoded
        ? attempt(() => encodeOutcome(memo.codec, { value }))
        : undefined
    return made && (() => decodeOutcome(memo.codec, made.form, made))
  }

  /** What stands in for a result that could not be computed; throws the error where nothing does. */
  function failed(error: unknown, async: boolean): unknown {
    const { stale } = one
    if (memo.cacheErrors !== undefined) finish({ value: undefined, thrown: { error } }, async)
    else {
      recording?.stop()
      const elapsed = worked()
      leave('done')
      guarded(memo, room, () => {
        room.count(memo.name, { misses: 1, timeSpent: elapsed, overhead: began - one.began })
        // who catches the error depends on what it came from
        conclude(frame, keyed.inputPaths, expiryAtOnce(memo, room), doubtOf(isOutdated(), error))
      })
    }
    if (stale === undefined || stale.staleFor >= memo.staleIfError) {
      failing(one, error)
      throw error
    }
    frame.expiresAt = Math.min(frame.expiresAt, expiryOf(memo, stale.entry))
    tellStale(one, error)
    return answer({ ...one, began: performance.now() }, stale)
  }
}

/** Computes an expired result again, apart from everybody; one at a time, here and, by the lease, elsewhere. */
function revalidate(one: Call): void {
  const { args, keyed, memo, room, self } = one
  const { digest } = keyed.key
  if (room.revalidating.has(digest)) return
  room.revalidating.add(digest)
  const failed = (error: unknown): void => tellStale(one, error)
  const done = (): void => void room.revalidating.delete(digest)
  setImmediate(() => {
    apart(() => {
      try {
        if (room.store() === undefined) return done()
        // the arguments may have been changed by now, or what the function captures
        const turn: Turn | undefined =
          keyOf(memo, self, args).key.digest === digest ? takeTurn(memo, room, keyed.key) : undefined
        const began = performance.now()
        const ran =
          turn?.kind === 'compute'
            ? run({ ...one, began, since: began, timing: startTiming() }, turn.lease, 'revalidate')
            : undefined
        if (ran === undefined) done()
        else
          ('flight' in ran ? ran.flight.landed : Promise.resolve(ran))
            .then(({ value }) => exhaust(value))
            .catch(failed)
            .then(done)
      } catch (error) {
        failed(error)
        done()
      }
    })
  })
}
