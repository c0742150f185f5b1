/**
 * A reference to a result: it is passed on, and identified, without being decoded. Where a large intermediate value goes
 * from one memoized function to the next, a chain of hits never reads it.
 */
import { types } from 'node:util'
import { StoreError } from './errors.ts'
import { expiryOf, isUsable, open, staleSince } from './find.ts'
import { depend, frameOf, within } from './frame.ts'
import { digest } from './freeze/freeze.ts'
import { frozenState } from './freeze/marks.ts'
import { attempt, guarded } from './guard.ts'
import { type Keyed, keyOf } from './key.ts'
import { disabled } from './lookup.ts'
import type { Memo } from './memo.ts'
import { inherit } from './observe.ts'
import type { Digest, Entry } from './types.ts'

/** A result that is kept, by its content. As an argument of a memoized function it counts as its `digest`, and the codec that reads it. */
export interface Ref<T> {
  /** Of the bytes of the result. */
  readonly digest: Digest
  /**
   * The value that was referred to, in a fresh copy unless it was not kept. Computes it again if it is gone meanwhile; throws a `StoreError` if the function is
   * asynchronous, so that this cannot be done here.
   */
  get(): T
}

class Reference implements Ref<unknown> {
  readonly digest: Digest
  readonly #form: string
  readonly #get: () => unknown

  /** @param form how the bytes are read: the same may be something else to another codec */
  constructor(digest: Digest, form: string, get: () => unknown) {
    this.digest = digest
    this.#form = form
    this.#get = get
  }

  get(): unknown {
    return this.#get()
  }

  [frozenState](): readonly string[] {
    return [this.digest, this.#form]
  }
}

/**
 * A reference to what the function returns for these arguments; computed by `compute` if it is not kept. Of a function
 * that gives promises, a promise of it.
 */
export function refer(
  memo: Memo,
  self: unknown,
  args: readonly unknown[],
  compute: () => unknown,
): Ref<unknown> | Promise<Ref<unknown>> {
  const before = keptOf(memo, self, args)
  if (before !== undefined) {
    const { entry, keyed } = before
    inherit(keyed, [], expiryOf(memo, entry))
    const room = memo.room()
    guarded(memo, room, () =>
      room.count(memo.name, { hits: 1, timeSaved: entry.computeTime }, keyed.key.digest),
    )
    const reference = referenceTo(memo, before, compute)
    return entry.async ? Promise.resolve(reference) : reference
  }
  const value = compute()
  const settle = (computed: unknown): Ref<unknown> => {
    const kept = keptOf(memo, self, args)
    return kept === undefined ? holding(memo, computed) : referenceTo(memo, kept, compute)
  }
  return types.isPromise(value) ? value.then(settle) : settle(value)
}

interface Referred {
  readonly entry: Entry
  readonly keyed: Keyed
}

/**
 * The entry of a call that would hit with a value, its bytes unread. Where what was read lies in front of them, nobody
 * can tell without reading.
 */
function keptOf(memo: Memo, self: unknown, args: readonly unknown[]): Referred | undefined {
  if (disabled() || memo.recordsInputs) return undefined
  return attempt(() => {
    const room = memo.room()
    const keyed = keyOf(memo, self, args)
    const entry = room.store()?.find(keyed.key.digest)
    const usable = entry !== undefined && entry.codec === memo.codec.name && isUsable(entry, memo)
    return usable && staleSince(memo, entry, room) < 0 ? { entry, keyed } : undefined
  })
}

function referenceTo(memo: Memo, { entry, keyed }: Referred, compute: () => unknown): Ref<unknown> {
  const { async, codec, object } = entry
  return new Reference(object, codec, () => {
    const found = readAgain(memo, keyed, object)
    if (found !== undefined) return found.value
    if (async) {
      throw new StoreError(
        'ERR_STORE_IO',
        `the result of ${memo.name} that was referred to is gone; call it again`,
      )
    }
    // the same bytes are the same value, whatever they were computed from
    const computed = within(frameOf(object), compute)
    const again = readAgain(memo, keyed, object)
    if (again !== undefined) return again.value
    depend([], undefined, `the result of ${memo.name} that it was referred to is gone, or another by now`)
    return computed
  })
}

/** What is referred to, if it is still there: not what the call would give as things are now. */
function readAgain(memo: Memo, { key }: Keyed, object: Digest): { readonly value: unknown } | undefined {
  return attempt(() => {
    const store = memo.room().store()
    const entry = store?.find(key.digest)
    if (store === undefined || entry?.object !== object || !isUsable(entry, memo)) return undefined
    const opened = open(memo, store, entry)
    return opened === undefined || 'changed' in opened ? undefined : { value: opened.outcome.value }
  })
}

/** A reference to what is not kept, so that somebody has to hold it. */
function holding(memo: Memo, computed: unknown): Ref<unknown> {
  const before = digest(computed)
  return new Reference(before, '', () => {
    const now = attempt(() => digest(computed))
    if (now !== before)
      depend([], undefined, `the result of ${memo.name} that it was referred to was changed`)
    return computed
  })
}
