/**
 * What fails before or after a function runs becomes a report, never the caller's: the second principle, in one place.
 */
import { messageOf, PermafrostError, StoreError } from './errors.ts'
import { emit } from './events.ts'
import type { Memo, Room } from './memo.ts'

/** Do something with the cache; a failure is told, and the answer is undefined. */
export function guarded<T>(memo: Memo, room: Room, act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    room.report(asFailure(error), memo.name)
    return undefined
  }
}

/** What may fail without anybody caring. */
export function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}

/** This call cannot be cached. */
export function uncached({ name, onUncacheable }: Memo, room: Room, failure: PermafrostError): void {
  emit('uncacheable', () => ({ name, error: failure }))
  if (onUncacheable === 'warn') room.report(failure, name)
}

/** What was thrown at us, as an error of ours. */
export function asFailure(error: unknown): PermafrostError {
  try {
    if (error instanceof PermafrostError) return error
  } catch {
    // a proxy that was revoked
  }
  return new StoreError('ERR_STORE_IO', messageOf(error), { cause: error })
}
