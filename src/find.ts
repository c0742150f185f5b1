/**
 * What the store has for a call, decoded for this caller. Knows when a result is too old; decides nothing else.
 */
import { guarded } from './guard.ts'
import type { Memo, Room } from './memo.ts'
import { decodeOutcome, isFormOf, type Outcome, type Parts } from './outcome.ts'
import { putBack } from './outputs.ts'
import { changedSince, type Opened, opened, type Recorded } from './recorded.ts'
import type { CallKey, Entry } from './types.ts'

export interface Found {
  readonly entry: Entry
  readonly outcome: Outcome
  /** The same once more, for somebody else; undefined if it is gone meanwhile. */
  readonly copy: () => Outcome | undefined
  /** What it was seen to read, all of which is as it was. */
  readonly recorded: readonly Recorded[]
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
    const found = openedFor(memo, store.read(entry))
    if (found === undefined || changedSince(found.recorded).length > 0) return undefined
    const decoded = (parts: Parts) => decodeOutcome(memo.codec, entry.codec, parts)
    const outcome = decoded(found)
    const copy = () => {
      // the first one has the leaves as its own memory
      const parts = found.leaves.length === 0 ? found : openedFor(memo, store.read(entry))
      return parts && decoded(parts)
    }
    if (!isWanted(outcome, memo)) return undefined
    if (outcome.outputs !== undefined) putBack(outcome.outputs)
    return { entry, outcome, recorded: found.recorded, copy, staleFor }
  })
}

/** Whether its bytes can be read as things are now. */
export const isUsable = (entry: Entry, { codec }: Memo): boolean => isFormOf(entry.codec, codec)

/** Whether it has what the function's options ask for: errors and output are kept only if they say so. */
export const isWanted = ({ printed, thrown }: Outcome, { cacheErrors, captureOutput }: Memo): boolean =>
  (printed !== undefined || !captureOutput) && (thrown === undefined || cacheErrors !== undefined)

/** A result's bytes, apart from what was recorded with them. */
export function openedFor(
  { recordsInputs }: Memo,
  stored: Parts | undefined,
): (Opened & Pick<Parts, 'leaves'>) | undefined {
  if (stored === undefined) return undefined
  const found = recordsInputs ? opened(stored.bytes) : { bytes: stored.bytes, recorded: [] }
  return found && { ...found, leaves: stored.leaves }
}

/** The same, if it has not expired. */
export function findFresh(memo: Memo, room: Room, key: CallKey): Found | undefined {
  const found = find(memo, room, key)
  return found !== undefined && isFresh(found) ? found : undefined
}

export const isFresh = ({ staleFor }: Found): boolean => staleFor < 0

/** Milliseconds since an entry expired, negative before. */
export const staleSince = ({ expiresAt }: Entry, { clock }: Room): number =>
  expiresAt === undefined ? Number.NEGATIVE_INFINITY : clock() - expiresAt
