/**
 * Hits: what was found, as the function would give it.
 */
import { performance } from 'node:perf_hooks'
import { recompute } from './audit.ts'
import { PermafrostError } from './errors.ts'
import { expiryOf, type Found } from './find.ts'
import { frameOf, outside } from './frame.ts'
import { attempt, guarded } from './guard.ts'
import type { Kept } from './keep.ts'
import { keyOf } from './key.ts'
import { noteFound } from './noted.ts'
import { inherit } from './observe.ts'
import { replay, unheard } from './output.ts'
import { changedSince, type Recorded } from './recorded.ts'
import type { Sharing } from './share.ts'
import type { Player } from './stream/stream.ts'
import type { Timing } from './timing.ts'
import { type Asked, tellFailed, tellHit } from './told.ts'
import type { Entry } from './types.ts'

/** One call on its way. */
export interface Call extends Asked {
  /** When it began, or when it last had to wait for others. */
  readonly began: number
  /** When its caller made it. */
  readonly since: number
  /** Whether its run is noted already. */
  readonly isNoted?: boolean
  readonly timing: Timing | undefined
  /** What it has of the tier behind the directory. */
  readonly sharing?: Sharing | undefined
  /** Why it may be another by now than its key says. */
  readonly doubt?: string | undefined
}

/** Whether it is still the call that was made: while one waits, its caller may change what it is given. */
export const isAsMade = ({ args, keyed, memo, self }: Call): boolean =>
  attempt(() => keyOf(memo, self, args).key.digest) === keyed.key.digest

/** The same after it has waited for others, on its way again. */
export const resumed = (one: Call): Call => ({
  ...one,
  began: performance.now(),
  doubt:
    one.doubt ?? (isAsMade(one) ? undefined : 'its arguments, or what it captures, changed before it ran'),
})

/** What was found, as the function would give it: it may throw. */
export function answer(one: Call, found: Found): unknown {
  const { entry, isShared, outcome, player, recorded } = found
  const { keyed, memo } = one
  const { async, computeTime, size } = entry
  inherit(keyed, recorded, expiryOf(memo, entry))
  countHit(one, computeTime)
  one.timing?.tell('hit', memo.name, keyed.key.digest)
  tellHit(one, { size, timeSaved: computeTime, ...(isShared === true && { shared: true }) })
  if (one.isNoted !== true) noteFound(one, found)
  const { printed, thrown, value } = outcome
  if (player !== undefined) takePart(one, player, recorded)
  if (memo.captureOutput && printed !== undefined) replay(printed)
  if (thrown === undefined) {
    // a stream cannot be compared with another without being taken
    const audited = player === undefined ? audit(one, value) : undefined
    return async ? Promise.resolve(audited).then(() => value) : value
  }
  const error = remembered(thrown.error, entry)
  tellFailed(one, error, performance.now() - one.since)
  if (async) return Promise.reject(error)
  throw error
}

/** A hit that others may join. */
export async function hitFor(one: Call, found: Found): Promise<Kept> {
  const frame = frameOf(one.keyed.key.digest)
  frame.expiresAt = expiryOf(one.memo, found.entry)
  return { value: await answer(one, found), copy: found.copy, frame, recorded: found.recorded }
}

/** Does what is no part of the calls around it. */
export const apart = <T>(work: () => T): T => outside(() => unheard(work))

/** Of some hits, whether the function would return that now. */
function audit({ args, memo, self }: Call, value: unknown): void | Promise<void> {
  if (typeof memo.audit !== 'number' || Math.random() >= memo.audit) return
  return apart(() => recompute(memo, self, args, value))
}

/** An error says in its stack that it is not of now. */
function remembered(error: unknown, { createdAt }: Entry): unknown {
  if (error instanceof Error && typeof error.stack === 'string') {
    error.stack += `\n    kept by permafrost since ${new Date(createdAt).toISOString()}`
  }
  return error
}

/** Where a recording cannot say what the function would do, the function does it. */
function takePart(one: Call, player: Player, recorded: readonly Recorded[]): void {
  const { args, keyed, memo, room, self } = one
  if (memo.captureOutput) player.print = replay
  player.live = (why) => {
    if (why instanceof PermafrostError) room.report(why, memo.name)
    const now = keyOf(memo, self, args).key
    if (now.digest !== keyed.key.digest || changedSince(recorded).length > 0) throw why
    return Reflect.apply(memo.fn, self, args)
  }
}

export function countHit({ began, keyed, memo, room }: Call, timeSaved?: number): void {
  guarded(memo, room, () => {
    // whoever joined a call has waited for it, and saved what can't be known
    const counted =
      timeSaved === undefined ? { hits: 1 } : { hits: 1, timeSaved, overhead: performance.now() - began }
    room.count(memo.name, counted, keyed.key.digest)
  })
}
