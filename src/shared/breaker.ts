/**
 * Spares callers a store that does not answer: after a failure nobody is asked for a while, then one is let through to see.
 * A circuit breaker, as M. Nygard describes it in «Release It!».
 */

/** Milliseconds of the first rest; each further one is twice as long. */
const FIRST_REST = 5_000
const LONGEST_REST = 120_000

export class Breaker {
  readonly #now: () => number
  #rest = FIRST_REST
  #until = Number.NEGATIVE_INFINITY
  #trying = false

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether to ask. Of many, after a rest, one is let through; what came of it is to be told. */
  isClosed(): boolean {
    if (this.#until === Number.NEGATIVE_INFINITY) return true
    if (this.#trying || this.#now() < this.#until) return false
    this.#trying = true
    return true
  }

  /** Milliseconds until somebody may ask again. */
  get left(): number {
    return Math.max(0, this.#until - this.#now())
  }

  /** Somebody wants to know now: the rest is over. */
  hurry(): void {
    this.#until = Math.min(this.#until, this.#now())
  }

  /** Whoever was let through gave up before anything came of it. */
  gaveUp(): void {
    this.#trying = false
  }

  answered(): void {
    this.#until = Number.NEGATIVE_INFINITY
    this.#rest = FIRST_REST
    this.#trying = false
  }

  /** @returns whether this is the first failure since the last answer */
  failed(): boolean {
    const isNew = this.#until === Number.NEGATIVE_INFINITY
    // those that were on their way together count once
    if (isNew || this.#trying) {
      this.#until = this.#now() + this.#rest
      this.#rest = Math.min(2 * this.#rest, LONGEST_REST)
    }
    this.#trying = false
    return isNew
  }
}
