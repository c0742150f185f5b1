/**
 * What the store has for a call, decoded for this caller. Knows when a result is too old; decides nothing else.
 */
import { asFailure, guarded } from './guard.ts'
import type { Memo, Room } from './memo.ts'
import { decodeOutcome, isEnvelope, isFormOf, type Outcome, type Parts } from './outcome.ts'
import { type Output, putBack } from './outputs.ts'
import { changedSince, opened, type Recorded, readTrailer, type Opened as Unsealed } from './recorded.ts'
import type { Store } from './store/contract.ts'
import { type Player, play, recordedKind, release, type StreamKind } from './stream/stream.ts'
import { type Timing, timed } from './timing.ts'
import type { CallKey, Entry } from './types.ts'

export interface Found {
  readonly entry: Entry
  readonly outcome: Outcome
  /** The same once more, for somebody else; undefined if it is gone meanwhile. A stream has none. */
  readonly copy: (() => Outcome | undefined) | undefined
  /** What it was seen to read, all of which is as it was. */
  readonly recorded: readonly Recorded[]
  /** To have a say in how it is played, if it is a stream. */
  readonly player?: Player
  /** Milliseconds since it expired; negative while it has not. */
  readonly staleFor: number
  /** Whether it came from the tier behind the directory. */
  readonly isShared?: boolean
}

/** A result that is fresh, or for which somebody may have a use though it is not. */
export function find(memo: Memo, room: Room, key: CallKey, timing?: Timing): Found | undefined {
  return guarded(memo, room, () => findOrFail(memo, room, key, timing))
}

function findOrFail(memo: Memo, room: Room, { digest }: CallKey, timing?: Timing): Found | undefined {
  const store = room.store()
  if (store === undefined) return undefined
  const entry = timing === undefined ? store.find(digest) : timing.step('find', () => store.find(digest))
  if (entry === undefined || !isUsable(entry, memo)) return undefined
  const staleFor = staleSince(memo, entry, room)
  if (staleFor >= 0 && staleFor >= Math.max(memo.staleWhileRevalidate, memo.staleIfError)) return undefined
  const held = open(memo, store, entry, timing)
  if (held === undefined || 'changed' in held) return undefined
  const { copy, outcome, player, recorded } = held
  if (isWanted(outcome, memo)) {
    if (player !== undefined) player.putBack = putBackOrFail
    if (outcome.outputs !== undefined) putBack(outcome.outputs)
    return { entry, outcome, copy, recorded, staleFor, ...(player !== undefined && { player }) }
  }
  release(outcome.value)
  return undefined
}

/** Throws a `StoreError`. */
function putBackOrFail(outputs: readonly Output[]): void {
  try {
    putBack(outputs)
  } catch (error) {
    throw asFailure(error)
  }
}

type Opened = Pick<Found, 'outcome' | 'copy' | 'player' | 'recorded'>

/**
 * What a usable entry holds, if it is still there and sound; or the names of what it was seen to read and is another by now.
 * Throws a `CodecError`.
 */
export function open(
  memo: Memo,
  store: Store,
  entry: Entry,
  timing?: Timing,
): Opened | { readonly changed: readonly string[] } | undefined {
  const known = plain.get(entry)
  if (known !== undefined) return known
  const kind = recordedKind(entry.codec, memo.codec)
  if (kind !== undefined) return openStream(memo, store, entry, kind)
  const stored = timed(timing, 'read', () => store.read(entry))
  const opened = stored && unpacked(memo, entry.codec, stored, () => store.read(entry), timing)
  if (opened === undefined || 'changed' in opened) return opened
  if (Object.isFrozen(entry) && opened.recorded.length === 0 && isPrimitive(opened.outcome)) {
    // a copy that does not hold the bytes
    const { outcome, recorded } = opened
    plain.set(entry, { outcome, copy: () => outcome, recorded })
  }
  return opened
}

/**
 * The same of bytes at hand. Throws a `CodecError`.
 * @param again gets them once more: the value has the leaves as its own memory
 */
export function unpacked(
  memo: Memo,
  form: string,
  stored: Parts,
  again?: () => Parts | undefined,
  timing?: Timing,
): Opened | { readonly changed: readonly string[] } | undefined {
  const found = openedFor(memo, stored)
  if (found === undefined) return undefined
  const { leaves, recorded } = found
  const changed = changedSince(recorded)
  if (changed.length > 0) return { changed }
  const decoded = (parts: Parts) => decodeOutcome(memo.codec, form, parts)
  const copy = () => {
    const parts = leaves.length === 0 ? found : openedFor(memo, again?.())
    return parts && decoded(parts)
  }
  return { outcome: timed(timing, 'decode', () => decoded(found)), copy, recorded }
}

/** What cannot be changed need not be read again, where the store has the entry in memory. */
const plain = new WeakMap<Entry, Opened>()

const isPrimitive = ({ printed, thrown, value }: Outcome): boolean =>
  (value === null || !['object', 'function', 'symbol'].includes(typeof value)) &&
  printed === undefined &&
  thrown === undefined

function openStream(
  { codec, recordsInputs }: Memo,
  store: Store,
  entry: Entry,
  kind: StreamKind,
): ReturnType<typeof open> {
  const pieces = store.pieces(entry)
  if (pieces === undefined) return undefined
  try {
    const recorded = recordsInputs ? readTrailer(pieces) : []
    const changed = recorded && changedSince(recorded)
    if (changed?.length !== 0) {
      pieces.close()
      return changed && { changed }
    }
    const player: Player = {}
    const { hasOutput, stream } = play(pieces, kind, codec, player)
    return {
      outcome: { value: stream, ...(hasOutput && { printed: [] }) },
      copy: undefined,
      player,
      recorded: recorded!,
    }
  } catch (error) {
    pieces.close()
    throw error
  }
}

/** Whether its bytes can be read as things are now. */
export const isUsable = (entry: Entry, { codec }: Memo): boolean =>
  isFormOf(entry.codec, codec) || recordedKind(entry.codec, codec) !== undefined

/** Whether it has what the function's options ask for: errors and output are kept only if they say so. */
export const isWanted = (
  { printed, thrown }: Outcome,
  { cacheErrors, captureOutput, rerunErrors }: Memo,
): boolean =>
  (printed !== undefined || !captureOutput) &&
  (thrown === undefined || (cacheErrors !== undefined && !rerunErrors))

/** A result's bytes, apart from what was recorded with them. */
function openedFor(
  { recordsInputs }: Memo,
  stored: Parts | undefined,
): (Unsealed & Pick<Parts, 'leaves'>) | undefined {
  if (stored === undefined) return undefined
  const found = recordsInputs ? opened(stored.bytes) : { bytes: stored.bytes, recorded: [] }
  return found && { ...found, leaves: stored.leaves }
}

/** The same, if it has not expired. */
export function findFresh(memo: Memo, room: Room, key: CallKey): Found | undefined {
  const found = find(memo, room, key)
  if (found === undefined || isFresh(found)) return found
  release(found.outcome.value)
  return undefined
}

export const isFresh = ({ staleFor }: Found): boolean => staleFor < 0

/**
 * When an entry expires for this function: as it was kept, or by the age that its results may have now, whichever is sooner.
 * Infinity for never.
 */
export function expiryOf({ cacheErrors, ttl }: Memo, entry: Entry): number {
  const { codec, createdAt, expiresAt = Number.POSITIVE_INFINITY } = entry
  // an error that is kept may have an age of its own
  const isOfValue = cacheErrors?.ttl === undefined || !isEnvelope(codec)
  return isOfValue && typeof ttl === 'number' ? Math.min(expiresAt, createdAt + ttl) : expiresAt
}

/** Milliseconds since an entry expired, negative before. */
export function staleSince(memo: Memo, entry: Entry, { clock }: Room): number {
  const expiresAt = expiryOf(memo, entry)
  return expiresAt === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : clock() - expiresAt
}
