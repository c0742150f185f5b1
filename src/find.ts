/**
 * What the store has for a call, decoded for this caller. Knows when a result is too old; decides nothing else.
 */
import { guarded } from './guard.ts'
import type { Memo, Room } from './memo.ts'
import { decodeOutcome, isFormOf, type Outcome } from './outcome.ts'
import type { Store } from './store/contract.ts'
import { type Player, play, recordedKind, release } from './stream/stream.ts'
import type { CallKey, Entry } from './types.ts'

export interface Found {
  readonly entry: Entry
  readonly outcome: Outcome
  /** The same once more, for somebody else; a stream has none. */
  readonly copy: (() => Outcome) | undefined
  /** To have a say in how it is played, if it is a stream. */
  readonly player?: Player
  /** Milliseconds since it expired; negative while it has not. */
  readonly staleFor: number
}

/** A result that is fresh, or for which somebody may have a use though it is not. */
export function find(memo: Memo, room: Room, key: CallKey): Found | undefined {
  return guarded(memo, room, () => {
    const store = room.store()
    const entry = store?.find(key.digest)
    if (store === undefined || entry === undefined || !isUsable(entry, memo)) return undefined
    const staleFor = staleSince(entry, room)
    if (staleFor >= 0 && staleFor >= Math.max(memo.staleWhileRevalidate, memo.staleIfError)) return undefined
    const opened = open(memo, store, entry)
    if (opened === undefined) return undefined
    if (isWanted(opened.outcome, memo)) return { entry, ...opened, staleFor }
    release(opened.outcome.value)
    return undefined
  })
}

type Opened = Pick<Found, 'outcome' | 'copy' | 'player'>

/** What a usable entry holds, if it is still there and sound. Throws a `CodecError`. */
export function open({ codec }: Memo, store: Store, entry: Entry): Opened | undefined {
  const kind = recordedKind(entry.codec, codec)
  if (kind === undefined) {
    const bytes = store.read(entry)
    if (bytes === undefined) return undefined
    const copy = () => decodeOutcome(codec, entry.codec, bytes)
    return { outcome: copy(), copy }
  }
  const pieces = store.pieces(entry)
  if (pieces === undefined) return undefined
  const player: Player = {}
  const { hasOutput, stream } = play(pieces, kind, codec, player)
  return { outcome: { value: stream, ...(hasOutput && { printed: [] }) }, copy: undefined, player }
}

/** Whether its bytes can be read as things are now. */
export const isUsable = (entry: Entry, { codec }: Memo): boolean =>
  isFormOf(entry.codec, codec) || recordedKind(entry.codec, codec) !== undefined

/** Whether it has what the function's options ask for: errors and output are kept only if they say so. */
export const isWanted = ({ printed, thrown }: Outcome, { cacheErrors, captureOutput }: Memo): boolean =>
  (printed !== undefined || !captureOutput) && (thrown === undefined || cacheErrors !== undefined)

/** The same, if it has not expired. */
export function findFresh(memo: Memo, room: Room, key: CallKey): Found | undefined {
  const found = find(memo, room, key)
  if (found === undefined || isFresh(found)) return found
  release(found.outcome.value)
  return undefined
}

export const isFresh = ({ staleFor }: Found): boolean => staleFor < 0

/** Milliseconds since an entry expired, negative before. */
export const staleSince = ({ expiresAt }: Entry, { clock }: Room): number =>
  expiresAt === undefined ? Number.NEGATIVE_INFINITY : clock() - expiresAt
