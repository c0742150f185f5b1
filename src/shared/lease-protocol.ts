/**
 * Leases between machines, as steps without clocks, timers or stores: a program yields what to ask of the store and is
 * given the answer, with the moments between which the store gave it. So the code that runs is the code whose every
 * interleaving is tried in test/law/leases.test.ts.
 *
 * Based on: leases (Gray and Cheriton 1989) with fencing tokens (Kleppmann, "How to do distributed locking", 2016). No
 * two clocks are ever compared. A lease is over when its age says so: by the store's own clock when it was read, plus
 * the time for which whoever waits has seen it unchanged, by a clock that nobody sets. Its holder is certain only up to
 * some time before that, counted from before it sent the last write that is known to have happened.
 */

/** What a lease is to those that read it. */
export interface Lease {
  /** The process that holds it. */
  readonly owner: string
  /** The same for people: user, host and pid. */
  readonly by: string
  /** Which of all rights that ever were this is. */
  readonly nonce: string
  /** Counts the writes of one right, so that no two of them have the same bytes: etags may be digests. */
  readonly beat: number
  /** Rises with each take-over. */
  readonly token: number
  /** Milliseconds for which it lasts from when it was written. */
  readonly duration: number
  /** Given back, and anybody's, where a store cannot delete only what has not changed. */
  readonly free: boolean
}

/** Own clocks, in milliseconds: one that nobody sets but that may stand still with the machine, and one on the wall. */
export interface Moment {
  readonly steady: number
  readonly wall: number
}

/** What is asked of the store. Each has one answer, whatever happens. */
export type Ask =
  /** Write if there is nothing. */
  | { readonly do: 'create'; readonly lease: Lease }
  /** Write if the etag is still this. */
  | { readonly do: 'swap'; readonly lease: Lease; readonly etag: string }
  /** Delete if the etag is still this. */
  | { readonly do: 'remove'; readonly etag: string }
  /** Read, unless the etag is still this. */
  | { readonly do: 'look'; readonly unless?: string }
  /** Write and delete whatever is there. */
  | { readonly do: 'overwrite'; readonly lease: Lease }
  | { readonly do: 'erase' }
  /** Do nothing for so many milliseconds. */
  | { readonly do: 'wait'; readonly time: number }

export type Said =
  /** A write, with the etag if the store names it; or a wait. */
  | { readonly is: 'done'; readonly etag?: string | undefined }
  /** The condition did not hold. */
  | { readonly is: 'unmet' }
  /** A write that may have happened, or may happen yet. */
  | { readonly is: 'unknown' }
  /** Nothing came of it, and nothing will. */
  | { readonly is: 'failed'; readonly why: string }
  /** The store has no such condition. */
  | { readonly is: 'unsupported' }
  | { readonly is: 'absent' }
  | { readonly is: 'unchanged' }
  /** `lease` undefined: nobody understands what is there. `age`: by the store's own clock, never more than it is. */
  | { readonly is: 'found'; readonly etag: string; readonly lease: Lease | undefined; readonly age: number }

/** `sent` before the store can have seen the request, `got` after the answer was there. */
export type Answer = Said & { readonly sent: Moment; readonly got: Moment }

export type Program<T> = Generator<Ask, T, Answer>

/** Who asks, and on which terms. */
export interface Terms {
  readonly owner: string
  readonly by: string
  /** No other right has it, or will. */
  readonly nonce: string
  /** Milliseconds for which a lease lasts from its last write. */
  readonly duration: number
  /** Milliseconds to wait, beside twice the own round trip, where a store keeps nobody apart. */
  readonly settle: number
  /** What the store can; what is open is tried. */
  readonly can: {
    readonly create: boolean | undefined
    readonly swap: boolean | undefined
    readonly remove: boolean | undefined
  }
  /** Whether nobody can be holding it any more, as far as is known here. Never true of what somebody holds. */
  readonly isOver: (lease: Lease) => boolean
}

/** A right that is held, as its holder knows it. */
export interface Held {
  readonly nonce: string
  readonly token: number
  /** Of the last write that was sent. */
  readonly beat: number
  readonly etag: string
  /** Before the last write was sent that is known to have happened. */
  readonly since: Moment
  /** Whether the store kept all others apart. */
  readonly exclusive: boolean
}

/** What somebody has: at least so old, and not yet renewed, `at` this time of the steady clock. */
export interface Seen {
  readonly etag: string
  readonly lease: Lease | undefined
  readonly age: number
  readonly at: number
}

export type Acquiring =
  | { readonly kind: 'held'; readonly held: Held }
  /** `left`: milliseconds until it is over, unless it is renewed. */
  | { readonly kind: 'taken'; readonly seen: Seen | undefined; readonly left: number }
  | { readonly kind: 'none'; readonly why: string }

export type Renewing =
  | { readonly kind: 'held'; readonly held: Held; readonly renewed: boolean }
  | { readonly kind: 'lost' }

/** Milliseconds for which a lease lasts by default, and one that nobody here understands at least. */
export const DURATION = 60_000
/** The last part of a lease, in which its holder is no longer certain: clocks do not run alike. */
const MARGIN = 0.1
/** How often others may be quicker in a row. */
const ROUNDS = 3

/** Whether nobody else can have taken over by `now`, by either clock. */
export function isCertain(held: Held, duration: number, now: Moment): boolean {
  const most = duration * (1 - MARGIN)
  const { steady, wall } = held.since
  return held.exclusive && now.steady - steady < most && Math.abs(now.wall - wall) < most
}

/** Takes the right, or says who has it. `seen`: what the look before this one saw, if it was somebody's. */
export function* acquiring(terms: Terms, seen?: Seen): Program<Acquiring> {
  let looked: Looked = 'absent'
  if (seen !== undefined || terms.can.create === false) looked = yield* looking(seen)
  if (isTrouble(looked)) return { kind: 'none', why: looked.why }
  for (let beat = 0; beat < ROUNDS; beat++) {
    const left = leftOf(looked, terms)
    if (left > 0) return taken(looked, left)
    const [token, over] = looked === 'absent' ? [1] : [(looked.lease?.token ?? 0) + 1, looked.etag]
    const { exclusive, ...wrote } = yield* writing(terms, leaseOf(terms, token, beat), over)
    if (wrote.is === 'failed') return { kind: 'none', why: wrote.why }
    const held = { nonce: terms.nonce, token, beat, since: wrote.sent, exclusive }
    if (wrote.is === 'done' && wrote.etag !== undefined)
      return { kind: 'held', held: { ...held, etag: wrote.etag } }
    looked = yield* looking()
    if (isTrouble(looked)) return { kind: 'none', why: looked.why }
    if (isMine(looked, terms.nonce) && looked.lease.beat === beat)
      return { kind: 'held', held: { ...held, etag: looked.etag } }
    // it may be written yet: then it is nobody's, and others find that out
    if (wrote.is !== 'unmet' && (looked === 'absent' || leftOf(looked, terms) <= 0))
      return { kind: 'none', why: 'nobody knows whether the lease was written' }
  }
  return taken(looked, leftOf(looked, terms))
}

/** Writes it once more, so that it lasts from now. */
export function* renewing(terms: Terms, before: Held): Program<Renewing> {
  const held = { ...before, beat: before.beat + 1 }
  const lease = leaseOf(terms, held.token, held.beat)
  const { exclusive, ...wrote } = yield* writing(terms, lease, held.etag)
  if (wrote.is === 'done' && wrote.etag !== undefined)
    return { kind: 'held', held: { ...held, etag: wrote.etag, since: wrote.sent }, renewed: true }
  if (wrote.is === 'failed') return { kind: 'held', held, renewed: false }
  // unmet, too, may come of a write of ours: an earlier one that landed late
  const looked = yield* looking()
  if (isTrouble(looked)) return { kind: 'held', held, renewed: false }
  if (!isMine(looked, held.nonce)) return { kind: 'lost' }
  const renewed = looked.lease.beat === held.beat
  const since = renewed ? wrote.sent : held.since
  return { kind: 'held', held: { ...held, etag: looked.etag, since, exclusive }, renewed }
}

/** Gives it back, if it is still ours. */
export function* releasing(terms: Terms, held: Held): Program<void> {
  let { etag } = held
  for (let round = 0; round < 2; round++) {
    const removed = yield* removing(terms, held, etag)
    if (removed.is === 'done' || removed.is === 'failed') return
    // a renewal may have landed late, or only the answer is lost
    const looked = yield* looking()
    if (!isMine(looked, held.nonce) || looked.lease.free) return
    etag = looked.etag
  }
}

type Looked = Seen | 'absent' | { readonly why: string }

const isTrouble = (looked: Looked): looked is { readonly why: string } =>
  typeof looked === 'object' && 'why' in looked

const isMine = (looked: Looked, nonce: string): looked is Seen & { readonly lease: Lease } =>
  looked !== 'absent' && !isTrouble(looked) && looked.lease?.nonce === nonce

const taken = (looked: Seen | 'absent', left: number): Acquiring => ({
  kind: 'taken',
  seen: looked === 'absent' ? undefined : looked,
  left,
})

const leaseOf = (
  { owner, by, nonce, duration }: Terms,
  token: number,
  beat: number,
  free = false,
): Lease => ({
  owner,
  by,
  nonce,
  beat,
  token,
  duration,
  free,
})

/** Milliseconds for which nobody may take it. */
function leftOf(looked: Seen | 'absent', { duration, isOver }: Terms): number {
  if (looked === 'absent') return 0
  const { lease, age } = looked
  if (lease === undefined) return Math.max(duration, DURATION) - age
  return lease.free || isOver(lease) ? 0 : Math.max(0, lease.duration - age)
}

/** `before`: what the last look saw. While it is unchanged it grows older by the time between the looks. */
function* looking(before?: Seen): Program<Looked> {
  const answer = yield before === undefined ? { do: 'look' } : { do: 'look', unless: before.etag }
  const { sent, got } = answer
  if (answer.is === 'absent') return 'absent'
  if (
    before !== undefined &&
    (answer.is === 'unchanged' || (answer.is === 'found' && answer.etag === before.etag))
  )
    return { ...before, age: before.age + (sent.steady - before.at), at: sent.steady }
  if (answer.is === 'failed') return { why: answer.why }
  if (answer.is !== 'found') return { why: 'the store answers what it was not asked' }
  // nothing is known of how old it may become, so only what is seen counts
  const age = answer.lease === undefined ? 0 : answer.age
  return { etag: answer.etag, lease: answer.lease, age, at: got.steady }
}

type Written = Answer & { readonly exclusive: boolean }

/** Writes over what has this etag, or where there is nothing. */
function* writing(terms: Terms, lease: Lease, over: string | undefined): Program<Written> {
  const { create, swap } = terms.can
  if ((over === undefined ? create : swap) !== false) {
    const answer = yield over === undefined ? { do: 'create', lease } : { do: 'swap', lease, etag: over }
    if (answer.is !== 'unsupported') return { ...answer, exclusive: swap !== false }
  }
  return { ...(yield* settling(terms, lease, over)), exclusive: false }
}

/**
 * The same where the store keeps nobody apart: write, and wait for twice as long as that took, so that whoever wrote at
 * the same time is done, too; the last one has it. A request that takes much longer than others makes two holders.
 */
function* settling({ settle }: Terms, lease: Lease, over: string | undefined): Program<Answer> {
  const before = yield { do: 'look' }
  if (before.is === 'failed') return before
  if ((before.is === 'found' ? before.etag : undefined) !== over) return { ...before, is: 'unmet' }
  const wrote = yield { do: 'overwrite', lease }
  if (wrote.is === 'failed') return wrote
  yield { do: 'wait', time: 2 * (wrote.got.steady - before.sent.steady) + settle }
  return { ...wrote, is: 'unknown' }
}

function* removing(terms: Terms, held: Held, etag: string): Program<Answer> {
  const { remove, swap } = terms.can
  if (remove !== false) {
    const answer = yield { do: 'remove', etag }
    if (answer.is !== 'unsupported') return answer
  }
  if (swap !== false) {
    const lease = leaseOf(terms, held.token, held.beat + 1, true)
    const answer = yield { do: 'swap', lease, etag }
    if (answer.is !== 'unsupported') return answer
  }
  const now = yield { do: 'look' }
  return now.is === 'found' && now.etag === etag ? yield { do: 'erase' } : { ...now, is: 'unmet' }
}
