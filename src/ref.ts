/**
 * A reference to a result: it is passed on, and identified, without being decoded. Where a large intermediate value goes
 * from one memoized function to the next, a chain of hits never reads it.
 */
import { types } from 'node:util'
import { StoreError } from './errors.ts'
import { isUsable, staleSince } from './find.ts'
import { digest } from './freeze/freeze.ts'
import { frozenState } from './freeze/marks.ts'
import { keyOf } from './key.ts'
import { lookup } from './lookup.ts'
import type { Memo } from './memo.ts'
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
  const before = entryOf(memo, self, args)
  if (before !== undefined) {
    memo.room().count(memo.name, { hits: 1, timeSaved: before.computeTime })
    const reference = referenceTo(memo, self, args, before, compute)
    return before.async ? Promise.resolve(reference) : reference
  }
  const value = compute()
  const settle = (computed: unknown): Ref<unknown> => {
    const entry = entryOf(memo, self, args)
    return entry === undefined
      ? // it is not kept, so somebody has to hold it
        new Reference(digest(computed), () => computed)
      : referenceTo(memo, self, args, entry, compute)
  }
  return types.isPromise(value) ? value.then(settle) : settle(value)
}

/** The entry of a call that would hit with a value, its bytes unread. */
function entryOf(memo: Memo, self: unknown, args: readonly unknown[]): Entry | undefined {
  const room = memo.room()
  try {
    const entry = room.store()?.find(keyOf(memo, self, args).key.digest)
    const usable = entry !== undefined && entry.codec === memo.codec.name && isUsable(entry, memo)
    return usable && staleSince(entry, room) < 0 ? entry : undefined
  } catch {
    return undefined
  }
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
