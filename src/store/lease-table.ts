/**
 * The rows of leases in the index: each method answers one question or does one deed. Knows no rules; see leases.ts.
 */
import type { Digest } from '../types.ts'
import type { Lease } from './contract.ts'
import { blobOf } from './row.ts'
import type { Ask } from './schema.ts'

/**
 * `blocking`: a synchronous function, or not known yet; `beating`: an asynchronous one; `unkept`: somebody has computed
 * the call, and there is nothing to find, so that nobody need wait for anybody.
 */
export type LeaseState = 'blocking' | 'beating' | 'unkept'

/** Times in milliseconds since the epoch. */
export interface LeaseRow {
  readonly token: number
  readonly owner: string
  readonly thread: number
  readonly state: LeaseState
  readonly expiresAt: number
  /** The call that the holder waits for meanwhile. */
  readonly waitsFor?: Buffer | null
}

export class LeaseTable {
  readonly #ask: Ask

  constructor(ask: Ask) {
    this.#ask = ask
  }

  holder(key: Digest): LeaseRow | undefined {
    return this.#ask('whoHolds').get(blobOf(key)) as LeaseRow | undefined
  }

  hold(key: Digest, { token, owner, thread, state, expiresAt }: LeaseRow): void {
    this.#ask('hold').run(blobOf(key), token, owner, thread, state, expiresAt)
  }

  /** Says that the holder waits for another call. */
  wait({ key, token }: Lease, target: Digest): void {
    this.#ask('waitFor').run(blobOf(target), blobOf(key), token)
  }

  /** No effect once somebody else has it. */
  renew({ key, token }: Lease, expiresAt: number, state?: LeaseState): void {
    this.#ask('renewLease').run(expiresAt, state ?? null, blobOf(key), token)
  }

  /** Whether it was still held. */
  letGo({ key, token }: Lease): boolean {
    return this.#ask('letGo').run(blobOf(key), token).changes === 1
  }

  /** Removes what expired before. */
  forget(before: number): void {
    this.#ask('forgetLeases').run(before)
  }
}
