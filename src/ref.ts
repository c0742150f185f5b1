/**
 * A reference to a result: it is passed on, and identified, without being decoded. Where a large intermediate value goes
 * from one memoized function to the next, a chain of hits never reads it.
 */
import { types } from 'node:util'
import { StoreError } from './errors.ts'
import { isUsable, staleSince } from './find.ts'
import { depend } from './frame.ts'
import { digest } from './freeze/freeze.ts'
import { frozenState } from './freeze/marks.ts'
import { attempt, guarded } from './guard.ts'
import { type Keyed, keyOf } from './key.ts'
import { disabled, lookup } from './lookup.ts'
import type { Memo } from './memo.ts'
import { inherit } from './observe.ts'
import type { Digest, Entry } from './types.ts'

/** A result that is kept, by its content. As an argument of a memoized function it counts as its `digest`. */
export interface Ref<T> {
  /** Of the bytes of the result. */
  readonly digest: Digest
  /**
   * The value, in a fresh copy. Computes it again if it is gone meanwhile; throws a `StoreError` if the function is
   * asynchronous, so that this cannot be done here.
   */
  get(): T
}

class Reference implements Ref<unknown> {
  readonly digest: Digest
  readonly #get: () => unknown

  constructor(digest: Digest, get: () => unknown) {
    this.digest = digest
    this.#get = get
  }

  get(): unknown {
    return this.#get()
  }

  [frozenState](): Digest {
    return this.digest
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
    depend(keyed.inputPaths, entry.expiresAt)
    inherit(keyed, [])
    const room = memo.room()
    guarded(memo, room, () =>
      room.count(memo.name, { hits: 1, timeSaved: entry.computeTime }, keyed.key.digest),
    )
    const reference = referenceTo(memo, self, args, entry, compute)
    return entry.async ? Promise.resolve(reference) : reference
  }
  const value = compute()
  const settle = (computed: unknown): Ref<unknown> => {
    const kept = keptOf(memo, self, args)
    return kept === undefined
      ? // it is not kept, so somebody has to hold it
        new Reference(digest(computed), () => computed)
      : referenceTo(memo, self, args, kept.entry, compute)
  }
  return types.isPromise(value) ? value.then(settle) : settle(value)
}

/**
 * The entry of a call that would hit with a value, its bytes unread. Where what was read lies in front of them, nobody
 * can tell without reading.
 */
function keptOf(
  memo: Memo,
  self: unknown,
  args: readonly unknown[],
): { readonly entry: Entry; readonly keyed: Keyed } | undefined {
  if (disabled() || memo.recordsInputs) return undefined
  return attempt(() => {
    const room = memo.room()
    const keyed = keyOf(memo, self, args)
    const entry = room.store()?.find(keyed.key.digest)
    const usable = entry !== undefined && entry.codec === memo.codec.name && isUsable(entry, memo)
    return usable && staleSince(entry, room) < 0 ? { entry, keyed } : undefined
  })
}

function referenceTo(
  memo: Memo,
  self: unknown,
  args: readonly unknown[],
  { async, object }: Entry,
  compute: () => unknown,
): Ref<unknown> {
  return new Reference(object, () => {
    const found = lookup(memo, self, args)
    if (found.hit && found.entry.object === object) return found.value
    if (!async) return compute()
    throw new StoreError(
      'ERR_STORE_IO',
      `the result of ${memo.name} that was referred to is gone; call it again`,
    )
  })
}
