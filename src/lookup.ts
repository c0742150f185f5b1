/**
 * Looking without touching: what a call would find, and if it would miss, why. Counts nothing and changes nothing but
 * what a damaged object costs.
 */
import { CodecError } from './errors.ts'
import { explain } from './explain.ts'
import { expiryOf, isUsable, isWanted, open, staleSince } from './find.ts'
import { depend } from './frame.ts'
import { keyOf } from './key.ts'
import type { Memo } from './memo.ts'
import { isSwitchedOn } from './options.ts'
import { inWords } from './recorded.ts'
import { release } from './stream/stream.ts'
import type { Entry, MissReason } from './types.ts'

/** The entry and its value as a call would find them, or why it would miss. */
export type Lookup<T> =
  | {
      readonly hit: true
      /** Undefined, too, where the call would throw. */
      readonly value: T
      /** What the call would throw, or be rejected with: kept because of `cacheErrors`. */
      readonly thrown?: { readonly error: unknown }
      readonly entry: Entry
    }
  | { readonly hit: false; readonly reason: MissReason; readonly explanation: string }

/** Whether PERMAFROST_DISABLE is set. */
export const disabled = (): boolean => isSwitchedOn('PERMAFROST_DISABLE')

export function wouldHit(memo: Memo, self: unknown, args: readonly unknown[]): boolean {
  return isHit(lookup(memo, self, args))
}

/** One line for people: whether a call would hit, and if not, what changed. */
export function why(memo: Memo, self: unknown, args: readonly unknown[]): string {
  const found = lookup(memo, self, args)
  if (!found.hit) return `${found.reason}: ${found.explanation}`
  release(found.value)
  const { computeTime, createdAt } = found.entry
  return `hit: kept since ${new Date(createdAt).toISOString()}, computed in ${Math.round(computeTime)} ms`
}

/** Whether it is one; what it would give, nobody wants. */
function isHit(found: Lookup<any>): boolean {
  if (found.hit) release(found.value)
  return found.hit
}

export function lookup(memo: Memo, self: unknown, args: readonly unknown[]): Lookup<any> {
  depend([], undefined, `it asks what is kept of ${memo.name}`)
  const { key } = keyOf(memo, self, args)
  const room = memo.room()
  const store = room.store()
  if (disabled()) return { hit: false, reason: 'absent', explanation: 'PERMAFROST_DISABLE is set' }
  if (store === undefined) {
    return { hit: false, reason: 'absent', explanation: 'the cache directory cannot be used' }
  }
  const entry = store.find(key.digest)
  if (entry === undefined) return { hit: false, ...explain(memo, self, args, key, store) }
  const staleFor = staleSince(memo, entry, room)
  if (staleFor >= 0 && staleFor >= memo.staleWhileRevalidate) {
    return {
      hit: false,
      reason: 'expired',
      explanation: `it expired at ${new Date(expiryOf(memo, entry)).toISOString()}`,
    }
  }
  if (!isUsable(entry, memo)) {
    return {
      hit: false,
      reason: 'lost',
      explanation: `it was stored with the codec ${entry.codec}, not ${memo.codec.name}`,
    }
  }
  try {
    const opened = store.has(entry) ? open(memo, store, entry) : undefined
    if (opened === undefined)
      return { hit: false, reason: 'lost', explanation: 'its object is missing or damaged' }
    if ('changed' in opened) {
      return { hit: false, reason: 'inputs', explanation: `what it read changed: ${inWords(opened.changed)}` }
    }
    const { thrown, value } = opened.outcome
    if (!isWanted(opened.outcome, memo)) {
      release(value)
      return { hit: false, reason: 'lost', explanation: 'its output was not kept' }
    }
    return { hit: true, value, entry, ...(thrown !== undefined && { thrown }) }
  } catch (error) {
    if (error instanceof CodecError) return { hit: false, reason: 'lost', explanation: error.message }
    throw error
  }
}
