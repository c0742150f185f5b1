/**
 * Of all who want the same result (callers, threads, processes), one computes and the others wait for it. A lease says
 * who; it saves time and nothing depends on it: where there is none to be had, everybody computes.
 */
import { setTimeout as after } from 'node:timers/promises'
import { emit } from './events.ts'
import { type Found, findFresh } from './find.ts'
import { leasesAround } from './frame.ts'
import { guarded } from './guard.ts'
import type { Memo, Room } from './memo.ts'
import type { Lease } from './store/contract.ts'
import type { CallKey } from './types.ts'

export type Turn =
  /** Nobody else is at it, or nobody knows. */
  | { readonly kind: 'compute'; readonly lease: Lease | undefined }
  /** Somebody has just finished. */
  | { readonly kind: 'found'; readonly found: Found }
  /** Somebody is at it; `async` if the function is known to return a promise. */
  | { readonly kind: 'wait'; readonly async: boolean }

const ALONE: Turn = { kind: 'compute', lease: undefined }

/** Milliseconds of computing, in the mean, that make two transactions worth it. */
const WORTH_A_LEASE = 1
/** Milliseconds between two looks whether the other has finished: a little longer each time. */
const FIRST_PAUSE = 2
const LONGEST_PAUSE = 100

/** Whose turn it is right now. */
export function takeTurn(memo: Memo, room: Room, key: CallKey): Turn {
  const { learnt, lease: terms } = memo
  const store = room.store()
  if (terms === false || store === undefined || store.readonly) return ALONE
  // by the mean: a call that the system held up once says little, one in a hundred that takes a second says much
  if (learnt.calls > 0 && learnt.time < learnt.calls * WORTH_A_LEASE) return ALONE
  const lease = guarded(memo, room, () => store.leases.acquire(key.digest, terms, memo.isAsync))
  if (lease === undefined || lease === 'unwanted') return ALONE
  if (lease === 'taken' || lease === 'taken asynchronously')
    return { kind: 'wait', async: lease !== 'taken' || memo.isAsync }
  // the one before us may have finished between our look and our lease
  const found = findFresh(memo, room, key)
  if (found === undefined) return { kind: 'compute', lease }
  giveBack(memo, room, lease, 'done')
  return { kind: 'found', found }
}

/** Milliseconds after which to look whether those who wait wait for each other. */
const CIRCLE_AFTER = 300

/** Blocks this thread until it is our turn, there is a result, or the function turns out to be asynchronous. */
export function waitBlocking(memo: Memo, room: Room, key: CallKey): Turn {
  const waiting = patience(memo, room, key)
  const done = tellOfWaiting(memo, key)
  for (;;) {
    const pause = waiting()
    if (pause === undefined) return done(ALONE)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause)
    const turn = lookAgain(memo, room, key)
    if (turn.kind !== 'wait' || turn.async) return done(turn)
  }
}

/** The same for an asynchronous function: lets others work meanwhile. Never gives 'wait'. */
export async function waitPolitely(memo: Memo, room: Room, key: CallKey): Promise<Turn> {
  const waiting = patience(memo, room, key)
  const done = tellOfWaiting(memo, key)
  for (;;) {
    const pause = waiting()
    if (pause === undefined) return done(ALONE)
    await after(pause)
    const turn = lookAgain(memo, room, key)
    if (turn.kind !== 'wait') return done(turn)
  }
}

/** Once when it begins, and once, with the turn that came of it, when it ends. */
function tellOfWaiting({ name }: Memo, { digest }: CallKey): (turn: Turn) => Turn {
  const began = performance.now()
  const tell = (details: object) => emit('lease', () => ({ name, key: digest, ...details }))
  tell({ what: 'waiting for whoever computes it' })
  return (turn) => {
    const waited = performance.now() - began
    tell({ what: turn === ALONE ? 'waited in vain' : `waited, then ${turn.kind}`, waited })
    return turn
  }
}

function lookAgain(memo: Memo, room: Room, key: CallKey): Turn {
  const found = findFresh(memo, room, key)
  return found === undefined ? takeTurn(memo, room, key) : { kind: 'found', found }
}

/** Milliseconds until the next look, or undefined once there is no point in waiting. */
function patience(memo: Memo, room: Room, key: CallKey): () => number | undefined {
  const { lease } = memo
  const began = performance.now()
  const held = leasesAround()
  let pause = FIRST_PAUSE
  return () => {
    const waited = performance.now() - began
    const left = (lease === false ? 0 : lease.wait) - waited
    if (left <= 0) return undefined
    // a cycle of calls that their keys do not show, cut by an argument that does not count
    const circles =
      held.length > 0 &&
      waited > CIRCLE_AFTER &&
      guarded(memo, room, () => room.store()?.leases.circles(held, key.digest))
    if (circles === true) return undefined
    pause = Math.min(pause * 1.5, LONGEST_PAUSE)
    return Math.min(pause, left)
  }
}

/**
 * Let the next one have its turn.
 * @param outcome `'unkept'` if there is nothing to find, so that those who wait need not take turns
 */
export function giveBack(memo: Memo, room: Room, lease: Lease | undefined, outcome: 'done' | 'unkept'): void {
  if (lease !== undefined) guarded(memo, room, () => room.store()?.leases.release(lease, outcome))
}
