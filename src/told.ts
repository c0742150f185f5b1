/**
 * What events say of calls. Asks and explains only if somebody listens.
 */
import { emit } from './events.ts'
import { explain } from './explain.ts'
import type { Found } from './find.ts'
import { attempt } from './guard.ts'
import type { Keyed } from './key.ts'
import type { Memo, Room } from './memo.ts'
import type { MissReason } from './types.ts'
import { shortened } from './words.ts'

/** A call as events tell of it. */
export interface Asked {
  readonly memo: Memo
  readonly room: Room
  readonly keyed: Keyed
  readonly self: unknown
  readonly args: readonly unknown[]
  /** A result that has expired, and may be better than none. */
  readonly stale?: Found
}

const aboutOf = ({ args, keyed, memo }: Pick<Asked, 'args' | 'keyed' | 'memo'>) => ({
  name: memo.name,
  args: shortened(args),
  key: keyed.key.digest,
})

/** @param facts sizes in bytes, times in milliseconds */
export const tellHit = (call: Asked, facts: { readonly [what: string]: unknown }): void =>
  emit('hit', () => ({ ...aboutOf(call), ...facts }))

/** @param because why it is computed, if not because nothing fresh was found */
export const tellMiss = (call: Asked, because?: 'refresh' | 'revalidate'): void =>
  emit('miss', () => ({ ...aboutOf(call), ...reasonOf(call, because) }))

/** An expired result stands in for one that could not be computed. */
export const tellStale = (call: Asked, error: unknown): void =>
  emit('stale', () => ({ ...aboutOf(call), error }))

/** @param took milliseconds until it threw */
export const tellFailed = (
  call: Pick<Asked, 'args' | 'keyed' | 'memo'>,
  error: unknown,
  took: number,
): void => emit('failed', () => ({ ...aboutOf(call), error, took }))

interface Reason {
  readonly reason: MissReason | 'refresh'
  readonly explanation: string
}

function reasonOf(
  { args, keyed, memo, room, self, stale }: Asked,
  because: 'refresh' | 'revalidate' | undefined,
): Reason {
  if (because === 'refresh') return { reason: 'refresh', explanation: 'somebody asked for it anew' }
  if (because === 'revalidate' || stale !== undefined)
    return { reason: 'expired', explanation: 'it is older than its ttl' }
  const store = room.store()
  const explained = store && attempt(() => explain(memo, self, args, keyed.key, store))
  return explained ?? { reason: 'absent', explanation: 'the cache directory cannot be used' }
}
