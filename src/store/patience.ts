/**
 * Waiting for the locks of the index. SQLite's own way is to sleep for one millisecond, then 2, 5, 10 and up to 100, while a
 * transaction takes some dozens of microseconds: whoever met another writer once slept through hundreds of them. Here one
 * looks again after about a tenth of a millisecond, at random, so that nobody keeps step with others; later less often.
 * Knows nothing of what it waits for.
 */
import { performance } from 'node:perf_hooks'
import { errnoOf } from './files.ts'
import type { Statement } from './schema.ts'

/** Milliseconds between two looks: at first, and at last. */
const FIRST_PAUSE = 0.05
const LONGEST_PAUSE = 2

/** What waiting helps against: not what a transaction that has read may no longer write. */
const PASSING: ReadonlySet<string> = new Set(['SQLITE_BUSY', 'SQLITE_BUSY_RECOVERY'])

// as it was when this was loaded: programs put another clock in its place
const now = performance.now.bind(performance)
const nobodyWakesUs = new Int32Array(new SharedArrayBuffer(4))

export class Patience {
  /** Milliseconds that each deed may wait. */
  limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  /** Does what may have to wait. */
  with<T>(deed: () => T): T {
    try {
      return deed()
    } catch (error) {
      return this.again(error, deed)
    }
  }

  /** Tries again what SQLite refused because others were at it; throws what it threw otherwise, or in the end. */
  again<T>(refusal: unknown, deed: () => T): T {
    const began = now()
    let error = refusal
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.2, LONGEST_PAUSE)) {
      if (!PASSING.has(errnoOf(error) ?? '') || now() - began > this.limit) throw error
      Atomics.wait(nobodyWakesUs, 0, 0, pause * (0.5 + Math.random()))
      try {
        return deed()
      } catch (next) {
        error = next
      }
    }
  }
}

/** A statement that waits for its turn. */
export class PatientStatement implements Statement {
  readonly #statement: Statement
  readonly #patience: Patience

  constructor(statement: Statement, patience: Patience) {
    this.#statement = statement
    this.#patience = patience
  }

  run(...values: unknown[]): { readonly changes: number; readonly lastInsertRowid: number | bigint } {
    try {
      return this.#statement.run(...values)
    } catch (error) {
      return this.#patience.again(error, () => this.#statement.run(...values))
    }
  }

  get(...values: unknown[]): unknown {
    try {
      return this.#statement.get(...values)
    } catch (error) {
      return this.#patience.again(error, () => this.#statement.get(...values))
    }
  }

  all(...values: unknown[]): unknown[] {
    try {
      return this.#statement.all(...values)
    } catch (error) {
      return this.#patience.again(error, () => this.#statement.all(...values))
    }
  }
}
