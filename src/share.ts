/**
 * What a call has of the tier behind the directory: it asks there before it computes, and what it kept is sent there. The
 * law: what comes from there is a result like one of our own or it is none; what cannot be had or sent costs no more
 * than the time it took.
 */
import { setTimeout as after } from 'node:timers/promises'
import { signalsIn } from './abort.ts'
import type { Call } from './answer.ts'
import { CodecError } from './errors.ts'
import { emit } from './events.ts'
import { type Found, findFresh, isUsable, isWanted, staleSince, unpacked } from './find.ts'
import { isInside } from './frame.ts'
import { asFailure, attempt, guarded } from './guard.ts'
import { keyOf, strongKeyOf } from './key.ts'
import type { Memo, Room, SharedRoom } from './memo.ts'
import { putBack } from './outputs.ts'
import { whyRequired } from './require.ts'
import { outdate, runningOf } from './running.ts'
import type { Right } from './shared/lease.ts'
import { leaseOf, type Place, placeOf } from './shared/place.ts'
import { type Fetched, type Missing, PARALLEL } from './shared/tier.ts'
import type { NewEntry } from './store/contract.ts'
import { hasFiles, recordedKind, release } from './stream/stream.ts'
import type { CallKey, Digest, Entry } from './types.ts'

/** What one call has there. */
export interface Sharing {
  readonly place: Place
  /** What is there and of no use. */
  over?: Missing['over']
  /** To compute it, among all machines. */
  right?: Right
  /** Whether its result is on its way there. */
  isSent?: boolean
}

/** Undefined where nothing is shared, or the call's place cannot be told. */
export function sharingOf({ args, doubt, memo, room, self }: Call): Sharing | undefined {
  const { shared } = room
  // what it is by now has another place
  if (shared === undefined || doubt !== undefined) return undefined
  return guarded(memo, room, () => ({ place: placeFor(memo, shared, self, args) }))
}

/** Throws as `keyOf` does. */
export function placeFor(memo: Memo, shared: SharedRoom, self: unknown, args: readonly unknown[]): Place {
  const { memospace, pipelineId } = shared.spaceOf(memo)
  return placeOf({
    ...strongKeyOf(memo, self, args),
    pipelineId,
    memospace: memospace === undefined ? undefined : shared.below(memospace),
    functionId: memo.functionId,
    version: memo.version,
  })
}

/** The URI of a call's place. Throws as `keyOf` does, and an `Error` where nothing is shared. */
export function memoUri(memo: Memo, self: unknown, args: readonly unknown[]): string {
  const { shared } = memo.room()
  if (shared === undefined) throw new Error(`memoUri: the group of ${memo.name} has no blobStore`)
  return `${shared.root}/${placeFor(memo, shared, self, args).memo}`
}

/** Whether to ask there, or to wait until there is room for one more result: of functions whose callers can wait. */
export const isAsked = ({ memo, room: { shared } }: Call): boolean =>
  shared !== undefined &&
  (shared.tier.reads || shared.tier.writes) &&
  (memo.isAsync || memo.isAsyncGenerator || (memo.learnt.isAsync && !memo.learnt.isSync))

/** What somebody has put there, now kept here, too; or a right to compute it, if nobody else is at it. Waits for those who are. */
export async function inquire(one: Call, sharing: Sharing): Promise<Found | undefined> {
  const { keyed, memo, room } = one
  const running = runningOf(memo, keyed.key)
  room.running.add(running)
  try {
    const found = await looked(one, sharing, () => running.isOutdated)
    // what somebody wanted to be computed anew may be there by now
    return running.isOutdated ? findFresh(memo, room, keyed.key) : found
  } finally {
    room.running.delete(running)
  }
}

/** @param isOutdated whether somebody forgets it meanwhile, or wants it computed anew */
async function looked(one: Call, sharing: Sharing, isOutdated: () => boolean): Promise<Found | undefined> {
  const { args, memo, room } = one
  const { rights, tier } = room.shared!
  const signals = signalsIn(args)
  const signal = signals.length === 0 ? undefined : AbortSignal.any([...signals])
  let askedAt = Number.NEGATIVE_INFINITY
  const look = async (isFresh: boolean): Promise<Found | 'unknown' | undefined> => {
    const came = await tier.fetch(sharing.place, { isFresh, ...(signal && { signal }) })
    if (isOutdated()) return 'unknown'
    const found = 'header' in came ? received(memo, room, one.keyed.key, came) : undefined
    sharing.over = came.over
    if ('askedAt' in came && came.askedAt !== undefined) askedAt = came.askedAt
    return found ?? ('isUnknown' in came && came.isUnknown === true ? 'unknown' : undefined)
  }
  const found = tier.reads ? await look(false) : undefined
  if (found === 'unknown') return undefined
  const isRequired = whyRequired(memo.resultsOnly, () => memo.name) !== undefined
  if (found !== undefined || isRequired || !tier.writes) return found
  // before anybody waits for this one
  await tier.room(signal)
  signal?.throwIfAborted()
  if (rights === undefined || memo.lease === false) return undefined
  const began = performance.now()
  let hasWaited = false
  const { duration, wait } = memo.lease
  // whoever computes may, by a detour that no key shows, wait for the call around this one
  const patience = isInside() ? Math.min(wait, 10 * duration) : wait
  for (;;) {
    const acquired = await rights.acquire(leaseOf(sharing.place), signal)
    if (acquired.kind === 'held') {
      sharing.right = acquired.right
      // whoever had it may have sent his result since the look, and the store may have taken longer than he lingers
      const isLate = hasWaited || performance.now() - askedAt > 0.9 * LINGER
      const there = isLate ? await look(true) : undefined
      return there === 'unknown' ? undefined : there
    }
    if (acquired.kind !== 'taken') return undefined
    hasWaited = true
    const left = patience - (performance.now() - began)
    if (left <= 0) return undefined
    emit('lease', () => ({ name: memo.name, key: one.keyed.key.digest, what: `waiting for ${acquired.by}` }))
    await after(Math.min(acquired.retryAfter, left), undefined, signal && { signal })
    const there = await look(true)
    if (there === 'unknown') return undefined
    if (there !== undefined) return there
  }
}

/** Asks there. What is forgotten here or computed anew meanwhile is not to be replaced by what was there before. */
async function fetched(
  memo: Memo,
  room: Room,
  key: CallKey,
  place: Place,
  isFresh: boolean,
  signal?: AbortSignal,
): Promise<{ readonly came: Fetched | Missing; readonly found: Found | undefined }> {
  const running = runningOf(memo, key)
  room.running.add(running)
  try {
    const came = await room.shared!.tier.fetch(place, { isFresh, ...(signal && { signal }) })
    const isOfUse = 'header' in came && !running.isOutdated
    return { came, found: isOfUse ? received(memo, room, key, came) : undefined }
  } finally {
    room.running.delete(running)
  }
}

/** A result that came from there, as one of our own; undefined if this function has no use for it. */
export function received(memo: Memo, room: Room, key: CallKey, fetched: Fetched): Found | undefined {
  const { bytes, createdAt, expiresAt, header, leaves } = fetched
  const entry: Entry = {
    key,
    object: header.payload.sha256.slice(0, 32) as Digest,
    size: fetched.size,
    computeTime: header.computeTime,
    hits: 0,
    createdAt,
    accessedAt: createdAt,
    codec: header.codec,
    // of a function by another name, perhaps, that did not wait
    async: header.async || memo.isAsync,
    tags: memo.tags,
    ...(expiresAt !== undefined && { expiresAt }),
  }
  const refuse = (why: string): undefined => {
    emit('refused', () => ({ name: memo.name, key: key.digest, why }))
    return undefined
  }
  if (!isUsable(entry, memo)) return refuse('of another codec')
  const staleFor = staleSince(memo, entry, room)
  if (staleFor >= 0) return undefined
  const kind = recordedKind(header.codec, memo.codec)
  if (memo.isAsyncGenerator && (kind !== 'async generator' || entry.async)) return refuse('of another kind')
  const { isTrusted } = room.shared!
  try {
    if (kind !== undefined) {
      // files are put back while a recording is played
      if (!isTrusted && hasFiles(bytes)) return refuse(FILES)
      keepHere(memo, room, entry, fetched)
      return findFresh(memo, room, key)
    }
    const store = room.store()
    const again = () => {
      const kept = store?.find(key.digest)
      return kept !== undefined && kept.object === object ? store?.read(kept) : undefined
    }
    let object: Digest | undefined
    const found = unpacked(memo, header.codec, { bytes, leaves }, again)
    if (found === undefined || 'changed' in found || !isWanted(found.outcome, memo)) return undefined
    const { outputs } = found.outcome
    if (outputs !== undefined && !isTrusted) return refuse(FILES)
    object = guarded(memo, room, () => keepHere(memo, room, entry, fetched))?.object
    if (outputs !== undefined) putBack(outputs)
    return { entry, ...found, staleFor, isShared: true }
  } catch (error) {
    if (!(error instanceof CodecError)) room.report(asFailure(error), memo.name)
    return refuse('unreadable')
  }
}

const FILES = 'with files, which only a signing key makes trustworthy'

/** Puts it into the directory. */
function keepHere(
  { staleIfError, staleWhileRevalidate }: Memo,
  room: Room,
  entry: Entry,
  { bytes, leaves }: Pick<Fetched, 'bytes' | 'leaves'>,
): Entry | undefined {
  const store = room.store()
  if (store === undefined || store.readonly) return undefined
  const { async, codec, computeTime, createdAt, expiresAt, key, tags } = entry
  const put: NewEntry = {
    key,
    computeTime,
    createdAt,
    ...(expiresAt !== undefined && { expiresAt, staleFor: Math.max(staleIfError, staleWhileRevalidate) }),
    codec,
    async,
    tags,
    keepVersions: Number.POSITIVE_INFINITY,
  }
  return store.put(put, bytes, leaves)
}

/** Sends a result that has just been kept. */
export function send(one: Call, sharing: Sharing, entry: Entry, threw: boolean): void {
  const { memo, room } = one
  const { shared } = room
  if (shared?.tier.writes !== true) return
  const { right } = sharing
  sharing.isSent = true
  shared.tier.offer({
    place: sharing.place,
    facts: {
      codec: entry.codec,
      async: entry.async,
      threw,
      computeTime: entry.computeTime,
      createdAt: entry.createdAt,
      expiresAt: entry.expiresAt ?? null,
    },
    about: shared.about(memo, one.keyed),
    size: entry.size,
    read: () => attempt(() => room.store()?.read(entry)),
    over: sharing.over,
    adopt: (theirs) =>
      void attempt(() => isStill(room, entry) && adopted(received(memo, room, entry.key, theirs))),
    done: (came) => right && giveBack(right, came !== 'failed'),
  })
}

/** Whether that is what the directory has: nobody has forgotten it or computed it anew since. */
function isStill(room: Room, { createdAt, key, object }: Entry): boolean {
  const now = attempt(() => room.store()?.find(key.digest))
  return now?.object === object && now.createdAt === createdAt
}

const adopted = (found: Found | undefined): void => release(found?.outcome.value)

/**
 * Forget what is kept of a call, here and, if we may write, there, and what is being computed for it. Whether there was something
 * here. Throws `FreezeError`.
 */
export function forget(memo: Memo, self: unknown, args: readonly unknown[]): boolean {
  const { digest } = keyOf(memo, self, args).key
  const room = memo.room()
  const { shared } = room
  outdate(room, { digest })
  if (shared?.tier.writes === true)
    guarded(memo, room, () => shared.tier.remove(placeFor(memo, shared, self, args)))
  return room.store()?.drop(digest) ?? false
}

/** Milliseconds from when a result is there to when its right is given back: who had looked just before must not take it. */
const LINGER = 1000

function giveBack(right: Right, isThere: boolean): void {
  if (isThere) setTimeout(() => void right.release(), LINGER).unref()
  else void right.release()
}

/** The call is over: whoever waits for it, and will find nothing, has his turn. */
export function leave({ isSent, right }: Sharing): void {
  if (isSent !== true && right !== undefined) giveBack(right, false)
}

/** Whether somebody else may have computed it meanwhile, and put a result there: then that one counts. */
export async function overtaken(one: Call, sharing: Sharing): Promise<Found | undefined> {
  const { memo, room } = one
  if (sharing.right === undefined || sharing.right.isCertain()) return undefined
  return (await fetched(memo, room, one.keyed.key, sharing.place, true)).found
}

export interface PullReport {
  /** Got just now. */
  readonly pulled: number
  /** In the directory already. */
  readonly present: number
  /** In neither, as far as can be seen. */
  readonly missing: number
}

/** Gets what is there of these calls. Throws as `keyOf` does. */
export async function pull(memo: Memo, calls: readonly (readonly unknown[])[]): Promise<PullReport> {
  const room = memo.room()
  const report = { pulled: 0, present: 0, missing: 0 }
  const wanted = calls[Symbol.iterator]()
  const one = async (args: readonly unknown[]): Promise<keyof PullReport> => {
    const { key } = keyOf(memo, undefined, args)
    if (isHere(memo, room, key)) return 'present'
    const { found } = await fetched(memo, room, key, placeFor(memo, room.shared!, undefined, args), true)
    if (found !== undefined) release(found.outcome.value)
    return found === undefined ? 'missing' : 'pulled'
  }
  const worker = async (): Promise<void> => {
    for (const args of wanted) report[await one(args)] += 1
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
  return report
}

/** Whether a result is in the directory, and fresh. */
function isHere(memo: Memo, room: Room, key: CallKey): boolean {
  const store = room.store()
  const entry = attempt(() => store?.find(key.digest))
  return entry !== undefined && isUsable(entry, memo) && staleSince(memo, entry, room) < 0
}
