/**
 * Leases: who is computing a call right now, as rows of the index, so that others wait instead of computing it, too.
 *
 * Based on: leases with heartbeats and fencing (Gray and Cheriton 1989; Kleppmann, "How to do distributed locking",
 * 2016). They only save time: a holder that was taken for dead may still put its result, which then replaces nothing.
 *
 * A holder on this machine is alive as long as its process is. Of one elsewhere, or in a worker thread, only its
 * heartbeat tells; it stops while the thread computes, so such a lease lasts `duration` from its last beat.
 */
import timers from 'node:timers'
import { threadId } from 'node:worker_threads'
import { emit } from '../events.ts'
import type { Digest } from '../types.ts'
import type { Lease, LeaseDesk, LeaseRefusal, LeaseTerms } from './contract.ts'
import type { EntryIndex } from './entry-index.ts'
import type { LeaseRow, LeaseState } from './lease-table.ts'
import { lifeOf, processId } from './process.ts'
import { hexOf } from './row.ts'

// as they were when this was loaded: programs put others in their place
const { clearInterval, setInterval } = timers

/** Calls that wait for each other in a row. */
const LONGEST_CIRCLE = 100
/** Milliseconds between two beats at most. */
const LONGEST_PERIOD = 60_000
/** Milliseconds without a heartbeat for which a process is believed that has the right pid. */
const TRUSTED_FOR = 3_600_000
/** Milliseconds for which it is known that a call gives nothing to keep. */
const UNKEPT_FOR = 60_000

/** The part of an open directory used here. */
interface Directory {
  readonly index: EntryIndex
  guard<T>(doing: string, work: () => T): T
}

export class Leases implements LeaseDesk {
  readonly #directory: Directory
  readonly #clock: () => number
  readonly #held = new Map<number, Held>()
  #timer: NodeJS.Timeout | undefined
  /** Milliseconds between two beats. */
  #period = Number.POSITIVE_INFINITY

  constructor(directory: Directory, clock: () => number) {
    this.#directory = directory
    this.#clock = clock
  }

  get #table(): EntryIndex['leases'] {
    return this.#directory.index.leases
  }

  acquire(key: Digest, terms: LeaseTerms, beating: boolean): Lease | LeaseRefusal {
    return this.#directory.guard('asking for a lease', () => this.#acquire(key, terms, beating))
  }

  #acquire(key: Digest, { duration }: LeaseTerms, beating: boolean): Lease | LeaseRefusal {
    const seen = this.#table.holder(key)
    const before = seen && this.#answer(seen)
    if (before !== undefined) return before
    // 53 random bits: a number that no other holder of this call has or will have
    const token = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)
    const lease: Lease = { key, token, isOver: false }
    const state: LeaseState = beating ? 'beating' : 'blocking'
    const answer = this.#directory.index.write(() => {
      const now = this.#table.holder(key)
      const taken = now && this.#answer(now)
      if (taken !== undefined) return taken
      const expiresAt = this.#clock() + duration
      this.#table.hold(key, { token, owner: processId(), thread: threadId, state, expiresAt })
      return lease
    })
    if (answer === lease) {
      this.#keepAlive(lease, duration)
      if (seen !== undefined) emit('lease', () => ({ key, what: 'taken over', from: seen.owner }))
    }
    return answer
  }

  /** What a row means for who asks now; undefined if it means nothing any more. */
  #answer({ expiresAt, owner, state, thread }: LeaseRow): LeaseRefusal | undefined {
    const overdue = this.#clock() - expiresAt
    if (state === 'unkept') return overdue < 0 ? 'unwanted' : undefined
    // a thread cannot wait for itself
    if (owner === processId() && thread === threadId) return 'unwanted'
    const life = lifeOf(owner)
    if (life === 'dead') return undefined
    // of a worker, nothing tells whether it has ended
    const trusted =
      thread !== 0 ? 0 : life === 'certain' ? Number.POSITIVE_INFINITY : life === 'likely' ? TRUSTED_FOR : 0
    if (overdue >= trusted) return undefined
    return state === 'beating' ? 'taken asynchronously' : 'taken'
  }

  circles(held: readonly Lease[], key: Digest): boolean {
    return this.#directory.guard('looking who waits', () => {
      const table = this.#table
      this.#directory.index.write(() => {
        for (const lease of held) table.wait(lease, key)
      })
      const own = new Set(held.map((lease) => lease.key))
      let at = key
      for (let steps = 0; steps < LONGEST_CIRCLE; steps++) {
        const next = table.holder(at)?.waitsFor
        if (!Buffer.isBuffer(next)) return false
        at = hexOf(next)
        if (own.has(at)) return true
      }
      return false
    })
  }

  renew(lease: Lease): void {
    const held = this.#held.get(lease.token)
    if (held === undefined) return
    this.#directory.guard('renewing a lease', () =>
      this.#table.renew(lease, this.#clock() + held.duration, 'beating'),
    )
  }

  release(lease: Lease, outcome: 'done' | 'unkept'): void {
    if (lease.isOver) return
    lease.isOver = true
    const held = this.#held.get(lease.token)
    // should it fail, the next beat tries again: others wait as long as this process lives
    if (held !== undefined) held.outcome = outcome
    this.#directory.guard('giving a lease back', () => this.#letGo(lease, outcome))
    this.#forget(lease)
  }

  #letGo(lease: Lease, outcome: 'done' | 'unkept'): void {
    if (outcome === 'done') this.#table.letGo(lease)
    else this.#table.renew(lease, this.#clock() + UNKEPT_FOR, 'unkept')
  }

  /** To be called when a put has let a lease go. */
  over(lease: Lease): void {
    lease.isOver = true
    this.#forget(lease)
  }

  #keepAlive(lease: Lease, duration: number): void {
    this.#held.set(lease.token, { lease, duration, outcome: undefined })
    const period = Math.min(duration / 3, LONGEST_PERIOD)
    if (period >= this.#period) return
    clearInterval(this.#timer)
    this.#period = period
    this.#timer = setInterval(this.#beat, period).unref()
  }

  #forget(lease: Lease): void {
    this.#held.delete(lease.token)
    if (this.#held.size > 0) return
    this.#rest()
  }

  #rest(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#period = Number.POSITIVE_INFINITY
  }

  readonly #beat = (): void => {
    try {
      this.#directory.index.write(() => {
        for (const { duration, lease, outcome } of this.#held.values()) {
          if (outcome === undefined) this.#table.renew(lease, this.#clock() + duration)
          else this.#letGo(lease, outcome)
        }
      })
      for (const { lease, outcome } of [...this.#held.values()])
        if (outcome !== undefined) this.#forget(lease)
    } catch {
      // the next beat may come through; if none does, somebody else computes it, too
    }
  }

  /** Lets all go that are held. */
  close(): void {
    this.#rest()
    for (const { lease, outcome = 'done' } of [...this.#held.values()]) {
      try {
        this.#letGo(lease, outcome)
      } catch {
        // it is let go when this process ends
      }
    }
    this.#held.clear()
  }
}

interface Held {
  readonly lease: Lease
  readonly duration: number
  /** What is still to be written of a lease that was given back. */
  outcome: 'done' | 'unkept' | undefined
}
