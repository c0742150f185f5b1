/**
 * What is told and noted of calls that are over: a line in the run of the process, if it has one, and for those that threw
 * an event. Each call comes here once, whatever it went through.
 */
import { performance } from 'node:perf_hooks'
import type { Call } from './answer.ts'
import { emit } from './events.ts'
import type { Found } from './find.ts'
import { attempt } from './guard.ts'
import type { Memo, Room } from './memo.ts'
import type { Encoded } from './outcome.ts'
import { type End, errorInShort, type Line } from './run-log.ts'
import { tellFailed } from './told.ts'
import { shortened } from './words.ts'

/** A call on its way, as far as it is to be known here. */
type Ended = Pick<Call, 'args' | 'keyed' | 'memo' | 'room' | 'since' | 'sharing' | 'self'>

type Facts = Pick<Line, 'computeTime' | 'error' | 'outputs' | 'size'>

const NOTHING: Facts = {}

/** Costs nothing where no run is noted. */
export function note({ keyed, memo, room, sharing, since }: Ended, what: End, facts: Facts = NOTHING): void {
  const { run, shared } = room
  if (run === undefined) return
  const took = performance.now() - since
  try {
    run.add({
      at: room.clock(),
      name: memo.name,
      key: keyed.key.digest,
      what,
      took,
      computeTime: facts.computeTime,
      size: facts.size,
      memo: sharing && shared && `${shared.root}/${sharing.place.memo}`,
      error: facts.error,
      outputs: facts.outputs,
    })
  } catch {
    // a clock that fails; the call has its answer
  }
}

/** It is answered by what was found. */
export function noteFound(one: Ended, { entry, isShared, outcome, staleFor }: Found): void {
  if (one.room.run === undefined) return
  note(one, staleFor >= 0 ? 'stale' : isShared === true ? 'shared-hit' : 'hit', {
    computeTime: entry.computeTime,
    size: entry.size,
    error: outcome.thrown && errorInShort(outcome.thrown.error),
    outputs: outcome.outputs?.map(([path]) => path),
  })
}

/**
 * The function has given a value.
 * @param kept its parts, if it can be kept
 */
export function noteRun(one: Ended, computeTime: number, kept: Encoded | 'unwanted' | undefined): void {
  if (one.room.run === undefined) return
  if (kept === undefined || kept === 'unwanted')
    return note(one, kept === undefined ? 'uncached' : 'computed', { computeTime })
  const { bytes, leaves, outputs } = kept
  const size = leaves.reduce((sum, leaf) => sum + leaf.byteLength, bytes.byteLength)
  note(one, 'computed', { computeTime, size, outputs })
}

/** It throws. */
export function failing(one: Ended, error: unknown): void {
  tellFailed(one, error, performance.now() - one.since)
  if (one.room.run !== undefined) note(one, 'error', { error: errorInShort(error) })
}

/** Something that a call waits for: if it fails, so does the call. */
export const orFailing = <T>(one: Ended, waiting: Promise<T>): Promise<T> =>
  waiting.catch((error: unknown) => {
    failing(one, error)
    throw error
  })

/** Runs the function of a call that nobody can identify. Throws what it throws. */
export function runUnkeyed(
  memo: Memo,
  room: Room,
  self: unknown,
  args: readonly unknown[],
  since: number,
): unknown {
  let result: unknown
  try {
    result = Reflect.apply(memo.fn, self, args)
  } catch (error) {
    noteUnkeyed(memo, room, args, since, { error })
    throw error
  }
  noteUnkeyed(memo, room, args, since)
  return result
}

/** A call that nobody can identify is over. */
export function noteUnkeyed(
  { name }: Memo,
  room: Room,
  args: readonly unknown[],
  since: number,
  thrown?: { readonly error: unknown },
): void {
  const took = performance.now() - since
  if (thrown !== undefined) emit('failed', () => ({ name, args: shortened(args), error: thrown.error, took }))
  if (room.run === undefined) return
  attempt(() =>
    room.run?.add({
      at: room.clock(),
      name,
      what: thrown === undefined ? 'uncached' : 'error',
      took,
      error: thrown && errorInShort(thrown.error),
    }),
  )
}
